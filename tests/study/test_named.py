"""The papers' ablations: each is a plan that can run, of the sizes that the paper's network has."""

from dataclasses import replace

import pytest
import torch

from senet.attention import SE
from senet.data import DataConfig, load, resolved
from senet.errors import UsageError
from senet.models import Placement, StartConfig
from senet.study.build_variants import build_variants
from senet.study.named_studies import BASE, STUDIES, get_study
from senet.study.plan import Plan
from senet.study.trials.trial import run_trial
from senet.study.variant import Variant, check_variant
from senet.training import Recipe, memory_feed, open_feed

SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
NAMES = (
    *("reduction", "squeeze", "excitation", "stages", "integration", "conv3x3", "no-squeeze", "sk-branches"),
    *("sk-dilation", "cbam-channel", "cbam-spatial", "cbam-order", "family", "head"),
)


@pytest.fixture(scope="module")
def data():
    return open_feed(SETTINGS, Recipe())


@pytest.fixture(scope="module")
def photographs():
    """Of the shape of ImageNet, for sizes alone."""
    return memory_feed(replace(load(SETTINGS), **imagenet()), Recipe())


def imagenet():
    shape = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "classes": tuple(map(str, range(1000)))}
    split = replace(load(SETTINGS).train, images=torch.zeros(1, 3, 224, 224, dtype=torch.uint8), labels=torch.zeros(1))
    return {**shape, "train": split}


def plan_of(name):
    return Plan(BASE, get_study(name).variants, 6, SETTINGS, Recipe(epochs=5, batch_size=32))


def test_every_ablation_of_the_papers_has_a_name():
    assert tuple(STUDIES) == NAMES
    with pytest.raises(UsageError, match="no study is called 'reducton'") as error:
        get_study("reducton")
    assert error.value.do == "did you mean reduction?"


FAST = ("reduction", "integration", "sk-dilation", "cbam-order", "family")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in NAMES])
def test_every_variant_builds_and_trains_a_step(name, data):
    models = {variant: built(variant, BASE, one, data) for variant, one in get_study(name).variants.items()}
    for variant, trial in zip(models, plan_of(name).trials(data.fingerprint(), {})[: len(models)], strict=True):
        brief = replace(trial.recipe, epochs=1, batch_size=64, freeze_norms_from=None)
        trained = run_trial(replace(trial, recipe=brief))
        assert trained.result.variant == variant
        assert 0 <= trained.result.accuracy <= 100
        assert sum(value.numel() for key, value in trained.state.items() if weight(key)) == sum(
            parameter.numel() for parameter in models[variant].parameters()
        )


def built(name, network, variant, data):
    return check_variant(name, network, StartConfig(), variant, data).model


def weight(key):
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_rows_are_of_variants_that_the_study_has(name):
    chosen = get_study(name)
    assert {row.variant for row in chosen.published} <= set(chosen.variants)
    assert set(chosen.curve) <= set(chosen.variants)
    assert chosen.published or name == "head"


# Derived from the architecture, and printed with one decimal in the papers: SENet's tables 10, 13 and 15.
SIZES = {
    ("reduction", "none"): 25_557_032,
    ("reduction", "r=2"): 45_676_584,
    ("reduction", "r=4"): 35_616_808,
    ("reduction", "r=8"): 30_586_920,
    ("reduction", "r=16"): 28_071_976,
    ("reduction", "r=32"): 26_814_504,
    ("stages", "stage 2"): 25_581_608,
    ("stages", "stage 3"): 25_688_104,
    ("stages", "stage 4"): 26_343_464,
    ("stages", "all"): 28_071_976,
    ("conv3x3", "SE"): 28_071_976,
    ("conv3x3", "SE at the 3x3"): 25_714_216,
    ("no-squeeze", "NoSqueeze"): 28_071_976,
    ("no-squeeze", "SE"): 28_071_976,
}


@pytest.mark.parametrize(("name", "variant"), SIZES)
def test_in_resnet50_a_variant_has_the_papers_parameters(name, variant, photographs):
    model = built(variant, "resnet50", get_study(name).variants[variant], photographs)
    assert sum(parameter.numel() for parameter in model.parameters()) == SIZES[name, variant]


def test_all_but_the_last_stage_is_all_less_the_last(photographs):
    """Section 6.4: the last stage costs most of the parameters."""
    variants = get_study("stages").variants
    blocks = {name: built(name, "resnet50", variants[name], photographs) for name in ("all", "all but the last")}
    sizes = {name: sum(parameter.numel() for parameter in model.parameters()) for name, model in blocks.items()}
    assert sizes["all"] - sizes["all but the last"] == 3 * 2 * 2048 * 128


def test_a_study_that_a_network_cannot_carry_says_so_before_anything_runs(data):
    plan = replace(plan_of("family"), network="resnet8")
    with pytest.raises(UsageError) as error:
        build_variants(plan, data)
    assert error.value.where == "variant SK of resnet8"


def test_frozen_norms_freeze_the_last_fifth_whatever_the_number_of_epochs():
    change = get_study("head").variants["frozen norms"].change
    assert [change(Recipe(epochs=epochs)).freeze_norms_from for epochs in (5, 10, 100)] == [5, 9, 81]
    assert change(Recipe(epochs=1)).freeze_norms_from == 1


def test_stages_are_the_papers(data):
    with pytest.raises(UsageError, match="no place in stage 7"):
        built("late", BASE, Variant(SE(), Placement(stages=(7,))), data)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_study_runs_end_to_end(name, tmp_path, capsys):
    from senet.cli import run

    words = ["--epochs", "1", "--seeds", "2", "--train-fraction", "0.05", "--precision", "float32", "--threads", "1"]
    assert run(["compare", "--study", name, *words, "--workers", "1", "--out", str(tmp_path)]) == 0
    folder = tmp_path / f"{name}-{BASE}-digits"
    assert len(list((folder / "trials").glob("*.json"))) == 2 * len(get_study(name).variants)
    assert f"report: {folder}" in capsys.readouterr().out
    report = (folder / "report.html").read_text()
    assert all(row.source in report for row in get_study(name).published)
