"""Recipes as TOML 1.0: read strictly, and written."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from senet.errors import UsageError, did_you_mean
from senet.training.recipe.recipe import Recipe, to_dict
from senet.utils.dataclass_io import dataclass_from_dict, read_toml

SHIPPED = Path(__file__).parents[2] / "recipes"
BY_NAME = (Path(), Path("recipes"))


def recipe_file(path: Path) -> Path:
    """Return a recipe's file: the one that is there, else the one that ships under this name.

    Args:
        path: A file, or a shipped recipe as ``cifar_resnet``, ``cifar_resnet.toml`` or ``recipes/cifar_resnet.toml``.

    Raises:
        UsageError: Neither is.
    """
    if path.is_file() or path.parent not in BY_NAME:
        return path
    name, known = path.name.removesuffix(".toml"), sorted(file.stem for file in SHIPPED.glob("*.toml"))
    if name not in known:
        what = "not a readable recipe: no such file, and no shipped recipe of this name"
        raise UsageError(what, where=str(path), do=did_you_mean(name, known))
    return SHIPPED / f"{name}.toml"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a file, or one that ships by its name.

    Raises:
        UsageError: No file, not TOML (line and column are named), an unknown key (with the nearest known one), a
            value of another type, an impossible or contradictory value.
    """
    return dataclass_from_dict(Recipe, read_values(path))


def read_values(path: Path) -> dict[str, Any]:
    """Read what a recipe's file says, and nothing that it leaves to the defaults; it is checked all the same.

    Raises:
        UsageError: As of :func:`read_recipe`.
    """
    return read_toml(recipe_file(path), "recipe", _checked)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    dataclass_from_dict(Recipe, values)
    return values


def merge_values(values: Mapping[str, Any], over: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Return a recipe's values with others over them, table by table, and without the parts that are to be off."""
    found = {key: value for key, value in values.items() if key not in without}
    for key, value in over.items():
        table = found.get(key)
        found[key] = {**table, **value} if isinstance(table, Mapping) and isinstance(value, Mapping) else value
    return found


def write_recipe(recipe: Recipe) -> str:
    """Return the TOML text of a recipe, which reads as an equal one."""
    import tomli_w

    return tomli_w.dumps(to_dict(recipe))
