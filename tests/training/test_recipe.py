import json
from dataclasses import fields, replace

import pytest

from senet.errors import UsageError
from senet.training import Recipe, read_recipe, write_recipe
from senet.training.recipe.recipe import to_dict
from senet.training.recipe.settings import Ema, MixupCutmix, Optimizer, Plateau, StepDecay, Views, WarmUp
from senet.utils.dataclass_io import dataclass_from_dict
from whole_recipe import EVERYTHING


def read(text, tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(text)
    return read_recipe(path)


@pytest.mark.parametrize(
    "recipe", [Recipe(), EVERYTHING, Recipe(schedule="plateau", plateau=Plateau(5)), Recipe(steps=None)], ids=str
)
def test_a_recipe_written_is_the_recipe_read(recipe, tmp_path):
    assert read(write_recipe(recipe), tmp_path) == recipe
    assert dataclass_from_dict(Recipe, json.loads(json.dumps(to_dict(recipe)))) == recipe


def test_the_whole_example_leaves_no_field_at_its_default():
    same = {f.name for f in fields(Recipe) if getattr(EVERYTHING, f.name) == f.default}
    assert same == {"augment", "plateau"}


def test_what_is_off_is_not_shown():
    assert list(to_dict(Recipe())) == [f.name for f in fields(Recipe)][:10]


def test_row_33_a_misspelt_key_is_an_error_with_the_nearest_name(tmp_path):
    with pytest.raises(
        UsageError, match=r"unknown key label_smothing\n.*r.toml\ndid you mean label_smoothing"
    ) as error:
        read("label_smothing = 0.1", tmp_path)
    assert error.value.exit_code == 2
    with pytest.raises(UsageError, match=r"unknown key ema.decy\n.*\ndid you mean decay"):
        read("[ema]\ndecy = 0.9", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr = 'fast'", "lr='fast' is not a number"),
        ("lr = true", "lr=True is not a number"),
        ("epochs = 1.5", "epochs=1.5 is not a whole number"),
        ("epochs = true", "epochs=True is not a whole number"),
        ("augment = 1", "augment=1 is not true or false"),
        ("lr = nan", "lr=nan"),
        ("lr = inf", "lr=inf"),
        ("schedule = 'cosin'", "schedule='cosin' is not one of cosine"),
        ("ema = 0.9", "ema=0.9 is not a table"),
        ("[steps]\nmilestones = 30", "milestones=30 is not a list"),
        ("[steps]\nmilestones = [1.5]", r"milestones\[0\]=1.5 is not a whole number"),
        ("[views]\narea = [0.1]", "area=.* is not 2 values"),
        ("lr = 1\nlr = 2\nepochs = 3", "Cannot overwrite a value .at line 2"),
        ("\tlr 2", "line 1, column"),
        ("lr = 1e-4 # é\xe9\nx = 1:30", "line 2"),
    ],
)
def test_row_34_a_value_of_another_type_is_an_error_that_says_where(text, message, tmp_path):
    with pytest.raises(UsageError, match=message) as error:
        read(text, tmp_path)
    assert "r.toml" in error.value.where


def test_row_34_numbers_as_toml_writes_them(tmp_path):
    assert read("lr = 1e-4\nepochs = 1_000\nweight_decay = 0", tmp_path) == Recipe(1000, lr=1e-4, weight_decay=0)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"steps": StepDecay()}, ("steps", "schedule")),
        ({"plateau": Plateau()}, ("plateau", "schedule")),
        ({"schedule": "step", "steps": StepDecay(milestones=(10, 30))}, ("steps", "epochs=30")),
        ({"schedule": "step", "steps": StepDecay(every=30)}, ("steps", "epochs=30")),
        ({"warm_up": WarmUp(30)}, ("warm_up.epochs", "epochs=30")),
        ({"freeze_norms_from": 31}, ("freeze_norms_from", "epochs=30")),
        ({"accumulate": 20}, ("accumulate", "batch_size")),
        ({"views": Views(), "augment": False}, ("views", "augment")),
        ({"lr": 0.0, "inserted_lr": 0.1}, ("inserted_lr=0.1", "lr=0", "freeze_trunk")),
    ],
    ids=str,
)
def test_row_35_contradictions_are_refused_with_both_keys(change, names):
    with pytest.raises(UsageError) as error:
        replace(Recipe(epochs=30), **change)
    assert all(name in str(error.value) for name in names)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda: StepDecay(milestones=(1, 2), every=3), ("steps.milestones", "steps.every")),
        (lambda: Optimizer(kind="rmsprop", nesterov=False), ("optimizer.kind", "optimizer.nesterov")),
        (lambda: Optimizer(smoothing=0.9), ("optimizer.kind", "optimizer.smoothing")),
        (lambda: MixupCutmix(), ("mix.mixup", "mix.cutmix")),
        (lambda: Views(padding=4, area=(0.5, 1.0)), ("views.padding", "views.area")),
    ],
)
def test_row_35_contradictions_within_a_table(build, names):
    with pytest.raises(UsageError) as error:
        build()
    assert all(name in str(error.value) for name in names)


@pytest.mark.parametrize(
    "build",
    [
        lambda: StepDecay(milestones=(3, 2)),
        lambda: StepDecay(milestones=(0, 2)),
        lambda: StepDecay(factor=1.0),
        lambda: Plateau(patience=0),
        lambda: WarmUp(0),
        lambda: WarmUp(1, start=1.0),
        lambda: Ema(1.0),
        lambda: Ema(float("nan")),
        lambda: MixupCutmix(mixup=-1),
        lambda: Views(area=(0.5, 0.2)),
        lambda: Views(area=(0.5, 1.2)),
        lambda: Recipe(clip_norm=0.0),
        lambda: Recipe(drop_path=1.0),
        lambda: Recipe(skip_non_finite=-1),
    ],
)
def test_impossible_values_are_refused(build):
    with pytest.raises(UsageError, match="recipe: "):
        build()


def test_a_recipe_is_data_alone(tmp_path):
    with pytest.raises(UsageError, match=r"unknown key optimizer.class"):
        read("[optimizer]\nclass = 'os.system'", tmp_path)


def test_a_file_that_is_no_recipe_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a recipe"):
        read("#" * (2**20 + 1), tmp_path)
    with pytest.raises(UsageError, match="not a readable recipe"):
        read_recipe(tmp_path)
    (tmp_path / "r.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not a readable recipe"):
        read_recipe(tmp_path / "r.toml")
    with pytest.raises(UsageError, match=r"r.toml"):
        read("a = " + "[" * 5000, tmp_path)
