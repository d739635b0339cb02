import json
from dataclasses import asdict, replace

import pytest

from senet.attention import SE, SPECS, to_dict
from senet.data import DataConfig
from senet.errors import UsageError
from senet.models import Placement, StartConfig
from senet.study import plan as plan_module
from senet.study.build_variants import build_variants, variants_from_specs
from senet.study.plan import Plan, Trial
from senet.study.variant import Variant, check_variant
from senet.training import Recipe, open_feed
from senet.utils.dataclass_io import dataclass_from_dict

PLAN = Plan("resnet8", variants_from_specs(("none", "SE(reduction=4)")), 2, DataConfig("digits"), Recipe(epochs=1))
TRIAL = PLAN.trials("f" * 64, {"torch": "2"})[1]


def test_a_plan_is_variants_times_seeds_with_the_variants_of_a_seed_together():
    trials = PLAN.trials("f" * 64, {})
    assert [(t.variant, t.seed) for t in trials] == [(v, s) for s in (0, 1) for v in PLAN.variants]
    assert trials[0].attention is None
    assert trials[1].attention == to_dict(SE(reduction=4))
    assert len({t.key for t in trials}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"network": "resnet20"},
        {"attention": to_dict(SE(reduction=8))},
        {"placement": Placement("pre")},
        {"placement": Placement(stages=(2,))},
        {"placement": Placement(last=False)},
        {"fingerprint": "e" * 64},
        {"recipe": Recipe(epochs=2)},
        {"recipe": Recipe(epochs=1, threads=2)},
        {"recipe": Recipe(epochs=1, precision="bf16")},
        {"seed": 5},
        {"environment": {"torch": "3"}},
        {"digest": "d" * 64},
        {"start": StartConfig(head="new")},
        {"start": StartConfig(init="preserve")},
        {"start": StartConfig(geometry="torch")},
    ],
    ids=str,
)
def test_whatever_moves_a_result_changes_the_key(change):
    assert replace(TRIAL, **change).key != TRIAL.key


def test_results_of_earlier_studies_keep_their_keys(monkeypatch):
    """As commit a139466 computed them, before studies could begin with weights: of results version 2."""
    monkeypatch.setattr(plan_module, "RESULTS_VERSION", 2)
    plain = ["f74354d1b4306c31", "3007a405dc72dcfb", "edf3ce683ad090f8", "b962d12fd00f57d9"]
    assert [trial.key for trial in PLAN.trials("f" * 64, {"torch": "2"})] == plain
    placed = Variant(SE.paper(reduction=4), Placement("pre", stages=(2, 3)))
    plan = Plan("resnet11b", {"pre": placed}, 1, DataConfig("digits"), Recipe(epochs=1))
    assert [trial.key for trial in plan.trials("f" * 64, {"torch": "2"})] == ["eb79ca345c8c578f"]


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "SE(reduction=2 + 2)"},
        {"data": DataConfig("digits", data_dir="x")},
        {"start": StartConfig(weights="somewhere.pth")},
    ],
)
def test_names_and_paths_do_not_change_the_key(change):
    assert replace(TRIAL, **change).key == TRIAL.key


def test_the_key_survives_json():
    record = json.loads(json.dumps(asdict(TRIAL)))
    parts = {"data": DataConfig, "placement": Placement, "start": StartConfig}
    read = {name: kind(**record[name]) for name, kind in parts.items()}
    again = Trial(**{**record, **read, "recipe": dataclass_from_dict(Recipe, record["recipe"])})
    assert again.key == TRIAL.key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "seeds=0"),
        ({"variants": {}}, "at least one variant"),
        ({"variants": variants_from_specs(("SE", "SE(reduction=16)"))}, "SE and SE.reduction=16. are the same"),
        ({"variants": {"a": Variant(SE()), "b": Variant(SE(), change=lambda recipe: recipe)}}, "a and b are the same"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        replace(PLAN, **changes)


@pytest.mark.parametrize(
    ("specs", "message"), [(("none", "SEE()"), "no attention is called 'SEE'"), (("SE", "none", "SE"), "named twice")]
)
def test_specs_that_make_no_variants_are_refused(specs, message):
    with pytest.raises(UsageError, match=message):
        variants_from_specs(specs)


def test_a_variant_may_train_otherwise():
    smooth = Variant(SE(), change=lambda recipe: replace(recipe, label_smoothing=0.1))
    trials = replace(PLAN, variants={"plain": Variant(SE()), "smooth": smooth}).trials("f" * 64, {})
    assert [trial.recipe.label_smoothing for trial in trials] == [0.0, 0.1, 0.0, 0.1]


def test_every_variant_is_built_before_training(monkeypatch):
    data = open_feed(PLAN.data, PLAN.recipe)
    built = []

    def noted(name, *arguments):
        built.append((name, check_variant(name, *arguments).model))
        return check_variant(name, *arguments)

    monkeypatch.setattr("senet.study.build_variants.check_variant", noted)
    assert build_variants(PLAN, data) == PLAN, "random weights of ours have no digest: the name and the seed say all"
    assert [name for name, _ in built] == list(PLAN.variants)
    assert all(p.is_meta for _, model in built for p in model.parameters())


REDUCING = [
    f"{name}(reduction=64)" for name, kind in SPECS.items() if kind.slot == "gate" and hasattr(kind(), "reduction")
]


@pytest.mark.parametrize("variant", [*REDUCING, "SK(groups=32)"])
def test_a_variant_that_does_not_fit_is_named_before_training(variant):
    data = open_feed(PLAN.data, PLAN.recipe)
    plan = replace(PLAN, variants=variants_from_specs(("none", variant)))
    with pytest.raises(UsageError) as error:
        build_variants(plan, data)
    assert error.value.where == f"variant {variant} of resnet8"
