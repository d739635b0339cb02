# benchmarks/overhead.py and roofline.py: what they say of pairs is right, and the page holds what was measured.
import gc
import importlib
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from scipy.stats import binom
from torch import nn

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
NAMES = (
    *("interleaved", "marked", "overhead", "overhead_measure", "overhead_page", "overhead_peers", "overhead_rows"),
    *("overhead_sides", "roofline", "roofline_blocks", "roofline_calls", "roofline_operators", "roofline_passes"),
)


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})


def test_the_interval_of_a_median_is_the_narrowest_of_order_statistics_that_holds_95_percent(scripts):
    for n in range(6, 60):
        low, high = scripts.interleaved.median_interval(range(1, n + 1))
        assert low + high == n + 1
        assert 1 - 2 * binom.cdf(low - 1, n, 0.5) >= 0.95
        assert 1 - 2 * binom.cdf(low, n, 0.5) < 0.95
    assert scripts.interleaved.median_interval(range(1, 31)) == (10, 21)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_of_few_values_the_interval_is_all_of_them(scripts, n):
    assert scripts.interleaved.median_interval(range(n)) == (0, n - 1)


def test_the_sides_take_turns_and_drift_cancels(scripts):
    order, now = [], iter(range(10**6))

    def side(name):
        def clock():
            order.append(name)
            return float(next(now))  # every call is one slower than the last

        return clock

    pairs = scripts.interleaved.abba(side("A"), side("B"), 3)
    warm = 2 * scripts.interleaved.WARM
    assert "".join(order[warm:]) == "ABBABAABABBA"
    assert [a - b for a, b in pairs] == [0, 0, 0]
    assert [a for a, _ in pairs] == [warm + 1.5, warm + 5.5, warm + 9.5]


def test_each_side_keeps_its_seconds_whoever_goes_first(scripts):
    assert scripts.interleaved.abba(lambda: 3.0, lambda: 2.0, 2) == [(3.0, 2.0), (3.0, 2.0)]


def test_no_garbage_is_collected_in_the_timed_part_and_again_after_it(scripts):
    seen = []

    def clock():
        seen.append(gc.isenabled())
        if len(seen) > 8:
            raise RuntimeError
        return 1.0

    with pytest.raises(RuntimeError):
        scripts.interleaved.abba(clock, clock, 2)
    assert seen[2 * scripts.interleaved.WARM :] == [False] * (9 - 2 * scripts.interleaved.WARM)
    assert gc.isenabled()


def test_what_is_kept_are_activations_and_not_parameters(scripts):
    model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.randn(8, 4)
    assert scripts.interleaved.kept(model, x) == 2 * 8 * 4 * 4  # the input, and the result of ReLU


def case(*rows):
    return {"title": "a case", "unit": "ms", "rows": list(rows)}


def row(what, ratios, goal=None, library="senet"):
    return {"what": what, "library": library, "goal": goal, "ratios": ratios, "exact": len(ratios) == 1}


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.00, 1.01] * 15, "met"),
        ([1.03, 1.04] * 15, "met"),  # 1.04 lies below 1.03 and half of [0.98, 1.02]
        ([1.03, 1.06] * 15, "within noise"),
        ([1.06, 1.07] * 15, "not met"),
        ([1.00, 1.01], "too few pairs"),
        ([1.04], "met"),
        ([1.06], "not met"),
    ],
)
def test_a_goal_is_met_where_the_interval_lies_below_it_and_the_noise(scripts, ratios, verdict):
    page = scripts.overhead_page
    one = case(row(page.SAME, [0.98, 1.02] * 15), row("SE", ratios, 1.03))
    assert page.verdict(one, one["rows"][1]) == verdict


def test_a_row_of_goals_names_the_best_other_library_of_the_same_attention(scripts):
    others = [
        row("SE", [1.2], library="timm"),
        row("SE", [1.1], library="torchvision"),
        row("CBAM", [1.0], library="timm"),
    ]
    missing = {"what": "SE", "library": "pytorchcv", "goal": None, "missing": "pytorchcv is not installed"}
    one = case(row("SE", [1.05], 1.03), *others, missing)
    assert [*scripts.overhead_page.goals(one)] == [
        ("a case", "SE", "1.050", "torchvision 1.100", "1.03", "not met", "")
    ]


def test_every_timed_case_has_a_network_against_itself(scripts):
    for name, one in scripts.overhead_rows.CASES.items():
        first = one.comparisons[0]
        assert (first.what == scripts.overhead_rows.SAME and first.side is first.base) or name == "memory"


def test_a_comparison_is_measured_pair_by_pair(scripts):
    rows, sides = scripts.overhead_rows, scripts.overhead_sides
    small = rows.SMALL[1]
    time = rows.Case("", scripts.overhead_measure.by_time(sides.inference((1, 1, 8, 8))), (small,), 1)
    found = scripts.overhead.row(time, small, 4)
    assert len(found["ratios"]) == len(found["each"]) == 4
    assert found["ratios"] == [a / b for a, b in found["each"]]


def test_a_library_that_is_missing_is_said_and_any_other_fault_is_raised(scripts):
    rows = scripts.overhead_rows

    def missing(name):
        def make():
            raise ModuleNotFoundError(name=name)

        return rows.Comparison("SE", "pytorchcv", make, make)

    case = rows.Case("", scripts.overhead_measure.by_bytes((1, 1, 8, 8)), (), 1)
    assert scripts.overhead.row(case, missing("pytorchcv"), 1)["missing"] == "pytorchcv is not installed"
    with pytest.raises(ModuleNotFoundError):
        scripts.overhead.row(case, missing("numpy"), 1)


def test_a_training_step_trains(scripts):
    model = scripts.overhead_rows.small(None)()
    step = scripts.overhead_sides.training((4, 1, 8, 8), 10)(model)
    losses = [step() for _ in range(200)]
    assert losses[-1] < losses[0]


def test_statistics_are_those_of_a_batch_and_momentum_stays(scripts):
    norm = nn.BatchNorm2d(3, momentum=0.3)
    scripts.overhead_sides.settled(norm, (4, 3, 5, 5))
    x = scripts.overhead_sides.batch((4, 3, 5, 5))
    torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)))
    assert norm.momentum == 0.3
    assert not torch.equal(norm.weight, torch.ones(3))


def test_sides_of_other_shapes_or_without_numbers_are_refused(scripts):
    check = scripts.overhead_measure.check
    with pytest.raises(AssertionError):
        check(lambda: torch.ones(2), lambda: torch.ones(3))
    with pytest.raises(AssertionError):
        check(lambda: torch.ones(2), lambda: torch.tensor([1.0, torch.nan]))


def test_attention_is_taken_out_or_the_benchmark_stops(scripts):
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sequential(nn.ReLU()))
    scripts.overhead_sides.without(model, nn.ReLU)
    assert isinstance(model[1][0], nn.Identity)
    with pytest.raises(AssertionError, match="ReLU"):
        scripts.overhead_sides.without(model, nn.ReLU)


def test_se_adds_one_read_of_each_units_end_in_inference_and_none_in_training(scripts):
    from senet import create

    passes, x = scripts.roofline_passes, torch.randn(2, 3, 32, 32)
    found = passes.maps(create("se_resnet20"), x)
    assert (len(found.inner), len(found.ends)) == (10, 9)
    ends = 3 * 2 * 4 * (16 * 32**2 + 32 * 16**2 + 64 * 8**2)
    assert sum(found.ends) == ends
    for path, more in ((passes.INFERENCE, ends), (passes.FORWARD, 0), (passes.BACKWARD, 0)):
        plain, se = (passes.least_bytes(path.inner, end, found) for end in (path.plain, path.se))
        assert se - plain == more
    assert passes.least_bytes(2, 0, found) == 2 * sum(found.inner)


@pytest.mark.parametrize("kind", range(3), ids=["se", "cbam", "sk"])
def test_the_bare_calls_of_a_block_compute_what_it_does(scripts, kind):
    calls, operators, rows = scripts.roofline_calls, scripts.roofline_operators, scripts.overhead_rows
    model = scripts.overhead_sides.settled(rows.small(calls.KINDS[kind])(), (4, 1, 8, 8)).eval()
    unit, x = model.stage3[0], torch.randn(2, 16, 4, 4)
    with torch.inference_mode():
        if kind == 2:
            block = unit.branch[0]
            found, right = operators.bare_selective(block, x)(), block(x)
        else:
            block, x = unit.attention, torch.randn(2, 32, 4, 4)
            found = operators.bare(block)(x)
            right = block.factors(x, fresh=False)[1] if kind else block.weights(x)
    torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-6)
    found, questions = calls.bare_calls(model)
    ran = []
    plain = calls.with_calls({name: (call, questions[name], lambda: ran.append(1)) for name, call in found.items()})
    ran.clear()
    plain()
    assert len(ran) == len(found) == 3


def test_a_question_looks_each_layer_up(scripts):
    from senet.attention import SE, SqueezeExcite

    class Looked(SqueezeExcite):
        def __getattr__(self, name):
            seen.append(name)
            return super().__getattr__(name)

    block, seen = SE(reduction=4)(16), []
    block.__class__ = Looked
    scripts.roofline_calls.asked(block)()
    assert seen == ["fc1", "activation", "fc2", "gate"]


def test_the_page_of_bounds_has_every_part_and_keeps_them_on_its_machine_alone(scripts):
    roofline = scripts.roofline
    head = roofline.RESULT.read_text(encoding="utf-8").partition("\n## ")[0]
    parts = roofline.committed(head)
    assert [*parts] == [*roofline.parts()]
    assert all(parts[title] in PAGE for title in roofline.SHOWN)
    with pytest.raises(SystemExit, match="measure all parts again"):
        roofline.committed(head + "another machine")


@pytest.mark.parametrize("name", ["se_resnet20", "mobilenet_v3_small"])
def test_every_block_of_a_network_has_its_place_in_the_plain_one(scripts, name):
    from senet import create

    attended, plain, found = create(name), create(name, attention=None), []
    places = [*scripts.roofline_blocks.places(attended, plain)]
    for module, block in places:
        module.register_forward_hook(lambda *args, block=block: found.append((args[2].shape[1], block.channels)))
    plain.eval()(torch.randn(1, 3, 64, 64))
    assert len(found) == len(places) == 9
    assert all(given == taken for given, taken in found)


def test_a_part_of_a_page_is_replaced_and_must_be_there(scripts, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb\n")
    scripts.marked.write_part(page, "x", r"new \1")
    assert page.read_text() == "a\n<!-- x -->\nnew \\1\n<!-- /x -->\nb\n"
    with pytest.raises(AssertionError, match="0 parts y"):
        scripts.marked.write_part(page, "y", "")


@pytest.mark.parametrize("name", ["overhead", "roofline"])
def test_the_tables_on_the_page_are_those_that_were_measured(name):
    block = re.search(rf"<!-- {name} -->\n(.*)\n<!-- /{name} -->", PAGE, re.DOTALL)
    result = ROOT / "benchmarks" / "results" / f"{name}.md"
    measured = (
        result.read_text(encoding="utf-8") if result.exists() else f"Not measured yet: `python benchmarks/{name}.py`."
    )
    assert block
    assert all(table in measured for table in block[1].split("\n\n"))


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h#][^)#]*)", PAGE))
def test_the_links_on_the_page_of_performance_lead_somewhere(link):
    assert (ROOT / "docs" / link).exists()
