from dataclasses import replace

import pytest

from senet.data import DataConfig, resolved
from senet.errors import UsageError
from senet.study import results_csv
from senet.study.build_variants import variants_from_specs
from senet.study.plan import Plan
from senet.study.trials.autotune import TuneRequest, keep_memory_setting, tune_plan
from senet.training import Recipe, open_feed
from senet.training.setup import step_time_cache

SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
PLAN = Plan("resnet8", variants_from_specs(("none", "SE(reduction=4)")), 4, SETTINGS, Recipe(epochs=2, batch_size=16))


@pytest.fixture(scope="module")
def data():
    return open_feed(SETTINGS, PLAN.recipe)


@pytest.fixture
def measured(monkeypatch):
    """Steps take what a table says: by precision, over the threads to a power."""

    asked = []

    def set_to(float32, bf16, gain):
        def step_seconds(model, feed, batch_size, ways):
            asked.extend(ways)
            return {way: {"float32": float32, "bf16": bf16}[way.precision] / way.threads**gain for way in ways}

        monkeypatch.setattr(step_time_cache, "step_seconds", step_seconds)

    set_to.asked = asked
    return set_to


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(("gain", "expected"), [(0.5, (4, 1)), (1.0, (4, 1)), (1.1, (4, 1)), (1.5, (1, 4))])
def test_workers_fill_the_cores_in_the_way_that_is_clearly_faster(gain, expected, data, measured, tmp_path):
    measured(1.0, 1.0, gain)
    settled = tune_plan(PLAN, data, tmp_path, TuneRequest(), cores=4)
    assert (settled.processes, settled.plan.recipe.threads) == expected


def test_what_is_asked_for_is_done(data, measured, tmp_path):
    measured(1.0, 0.5, 0.5)
    settled = tune_plan(PLAN, data, tmp_path, TuneRequest(workers=2), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (2, 2, "bf16")
    settled = tune_plan(PLAN, data, tmp_path, TuneRequest("float32", threads=3), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (1, 3, "float32")
    settled = tune_plan(replace(PLAN, seeds=1), data, tmp_path, TuneRequest(), cores=8)
    assert (settled.processes, settled.plan.recipe.threads) == (2, 4), "never more processes than trials"


def test_a_study_goes_on_as_it_began(data, measured, tmp_path):
    """Both are part of a trial's key: a measurement that came out otherwise would train all of it again."""
    results_csv.write_settings(tmp_path, {"recipe": {"precision": "float32", "threads": 1}}, {})
    measured(9.0, 1.0, 3.0)
    settled = tune_plan(PLAN, data, tmp_path, TuneRequest(), cores=4)
    assert (settled.processes, settled.plan.recipe.threads, settled.plan.recipe.precision) == (4, 1, "float32")


@pytest.mark.parametrize(
    ("begun", "asked", "expected"),
    [
        ({"source": "folder:/a", "image_size": 32}, None, True),  # of before it could be said
        ({"source": "folder:/a", "image_size": 32, "in_memory": True}, None, True),
        ({"source": "folder:/a", "image_size": 32, "in_memory": False}, None, False),
        ({"source": "folder:/a", "image_size": 32}, False, False),
        ({"source": "folder:/a", "image_size": None}, None, None),
        ({"source": "digits", "image_size": 32}, None, None),
        (None, None, None),
    ],
)
def test_a_study_goes_on_with_its_images_where_they_were(begun, asked, expected, tmp_path):
    """In memory and decoded as they go are other trials: all of them would begin anew without a word."""
    if begun is not None:
        results_csv.write_settings(tmp_path, {"data": begun}, {})
    plan = replace(PLAN, data=DataConfig("folder:/b", image_size=32, in_memory=asked))
    assert keep_memory_setting(plan, tmp_path).data.in_memory is expected


@pytest.mark.parametrize("name", ["workers", "threads"])
def test_none_is_no_number_of_workers(name):
    with pytest.raises(UsageError, match=f"{name}=0 is below 1"):
        TuneRequest(precision=None, **{name: 0})


def test_row_107_neither_workers_nor_seeds_nor_the_order_of_variants_move_the_precision(data, measured, tmp_path):
    """The clock changes its mind after the first command; all that are like it keep to the first."""
    measured(1.0, 0.5, 0.5)
    first = tune_plan(PLAN, data, tmp_path, TuneRequest(), cores=4)
    measured(1.0, 5.0, 0.5)
    turned = replace(PLAN, variants=variants_from_specs(("SE(reduction=4)", "none")))
    others = [
        tune_plan(PLAN, data, tmp_path, TuneRequest(workers=1), cores=4),
        tune_plan(PLAN, data, tmp_path, TuneRequest(workers=3), cores=4),
        tune_plan(turned, data, tmp_path, TuneRequest(), cores=4),
        tune_plan(replace(PLAN, seeds=1), data, tmp_path, TuneRequest(), cores=8),
        tune_plan(
            replace(PLAN, variants=variants_from_specs(("SE(reduction=2)", "CBAM(reduction=4)"))),
            data,
            tmp_path,
            TuneRequest(),
            4,
        ),
    ]
    assert {one.plan.recipe.precision for one in (first, *others)} == {"bf16"}
    assert "measured now" in first.notes[0]
    assert all("measured before" in one.notes[0] for one in others)
    assert others[2].plan.recipe.threads == first.plan.recipe.threads


def test_row_107_the_threads_of_a_study_are_settled_once_too(data, measured, tmp_path):
    measured(1.0, 1.0, 1.5)
    first = tune_plan(PLAN, data, tmp_path, TuneRequest("float32"), cores=4)
    measured(1.0, 1.0, 0.5)
    again = tune_plan(PLAN, data, tmp_path, TuneRequest("float32"), cores=4)
    assert (first.processes, first.plan.recipe.threads) == (again.processes, again.plan.recipe.threads) == (1, 4)
    assert again.notes[1].startswith("1 worker of 4 threads: measured before, kept in ")
    renewed = tune_plan(PLAN, data, tmp_path, TuneRequest("float32", renew=True), cores=4)
    assert (renewed.processes, renewed.plan.recipe.threads) == (4, 1)


def test_a_renewed_measurement_goes_before_what_a_study_began_with(data, measured, tmp_path):
    results_csv.write_settings(tmp_path, {"recipe": {"precision": "bf16", "threads": 1}}, {})
    measured(1.0, 9.0, 0.5)
    began = tune_plan(PLAN, data, tmp_path, TuneRequest(), cores=2)
    assert began.notes == ("precision bf16: as it began", "2 workers of 1 thread")
    assert tune_plan(PLAN, data, tmp_path, TuneRequest(renew=True), cores=2).plan.recipe.precision == "float32"


def test_nothing_is_measured_where_nothing_is_to_be_chosen(data, measured, tmp_path):
    measured(1.0, 1.0, 1.0)
    settled = tune_plan(PLAN, data, tmp_path, TuneRequest("float32", workers=2), cores=2)
    assert settled.notes == ("precision float32: given", "2 workers of 1 thread")
    assert measured.asked == []
