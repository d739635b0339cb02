from dataclasses import fields, is_dataclass
from typing import Annotated, get_args, get_type_hints

import pytest
from cyclopts import App, Parameter

from senet.cli.train.recipe_flags import DEFAULT_RECIPE_FLAGS, RecipeFlags, given_values
from senet.training.recipe.recipe import Recipe, to_dict
from senet.training.recipe.settings import Optimizer, Plateau, StepDecay, Views
from senet.training.recipe.toml import merge_values
from senet.utils.dataclass_io import dataclass_from_dict
from whole_recipe import EVERYTHING

# Together they leave no field at its default.
RECIPES = {
    "step": EVERYTHING,
    "every": Recipe(schedule="step", steps=StepDecay(every=10), optimizer=Optimizer(nesterov=False), augment=False),
    "plateau": Recipe(schedule="plateau", plateau=Plateau(5, 0.5, 2), optimizer=Optimizer("adamw", second_moment=0.99)),
    "padded": Recipe(views=Views(size=32, padding=4)),
}


def leaves(kind, prefix=""):
    for field in fields(kind):
        hint = get_type_hints(kind)[field.name]
        part = next((h for h in (hint, *get_args(hint)) if is_dataclass(h)), None)
        yield from leaves(part, f"{prefix}{field.name}.") if part else [f"{prefix}{field.name}"]


def flat(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def words(recipe):
    """The command line that says all of a recipe."""
    for name, value in flat(to_dict(recipe)):
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif isinstance(value, tuple | list) and all(isinstance(number, int) for number in value):
            yield from (word for number in value for word in (f"--{flag}", str(number)))  # any number of them
        else:
            yield from (f"--{flag}", *map(str, value if isinstance(value, tuple | list) else [value]))


def parsed(arguments):
    app = App(result_action="return_value", default_parameter=Parameter(negative=""))

    @app.default
    def command(*, flags: Annotated[RecipeFlags, Parameter(name="*")] = DEFAULT_RECIPE_FLAGS):
        return given_values(flags)

    return app(list(arguments), exit_on_error=False)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_said_in_flags_is_the_recipe(name):
    assert dataclass_from_dict(Recipe, parsed(words(RECIPES[name]))) == RECIPES[name]


def test_the_recipes_above_say_every_field_but_at_its_default():
    said = {name for recipe in RECIPES.values() for name, _ in flat(to_dict(recipe))}
    assert said >= set(leaves(Recipe))


def test_without_flags_nothing_is_given():
    assert parsed([]) == {}


def test_a_flag_wins_over_the_file_and_leaves_the_rest_of_its_table():
    file = {"epochs": 3, "ema": {"decay": 0.9, "ramp": False}, "mix": {"mixup": 0.2}}
    values = merge_values(file, {"ema": {"decay": 0.99}, "lr": 0.1}, without=["mix"])
    assert values == {"epochs": 3, "ema": {"decay": 0.99, "ramp": False}, "lr": 0.1}
    assert file["mix"] == {"mixup": 0.2}
