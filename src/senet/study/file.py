"""A study of one's own as TOML: a base, variants, or a grid of them.

network = "resnet20"
data = "folder:photos"
seeds = 8

[recipe]                      # what a recipe file says; the rest is the command's
epochs = 30

[variants]                    # the first is the baseline
none = "none"
late = { attention = "SE(reduction=8)", stages = [3, 4] }
smooth = { attention = "SE(reduction=8)", recipe = { label_smoothing = 0.1 } }

[grid]                        # every combination, named by its values; goes behind the variants
attention = ["SE(reduction=4)", "CBAM(reduction=4)"]
where = ["standard", "pre"]
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from senet.attention import parse
from senet.errors import UsageError, nearest
from senet.sources.placed import Placement
from senet.study.variant import Variant
from senet.training import Recipe
from senet.training.recipe import to_dict
from senet.training.toml import from_dict, merged, read_toml

TABLES = ("network", "data", "seeds", "recipe", "variants", "grid")
FIELDS = ("attention", "where", "stages", "recipe")


@dataclass(frozen=True)
class StudyFile:
    """What a study's file says.

    Args:
        variants: By name; the first is the baseline.
        network: Name, or None where the file does not say.
        data: Source, or None.
        seeds: Number, or None.
        recipe: What it says of the recipe.
    """

    variants: dict[str, Variant]
    network: str | None = None
    data: str | None = None
    seeds: int | None = None
    recipe: dict[str, Any] = field(default_factory=dict)


def read_study(path: Path) -> StudyFile:
    """Read a study.

    Raises:
        UsageError: No file, not TOML, an unknown key (with the nearest known one), a value that makes no sense.
    """
    return read_toml(path, "study", _study)


def _study(said: Mapping[str, Any]) -> StudyFile:
    _require_known(said, TABLES, "")
    for key, kind in (("network", str), ("data", str), ("seeds", int), ("recipe", dict), ("variants", dict)):
        if key in said and type(said[key]) is not kind:
            raise UsageError(f"{key}={said[key]!r} is not of type {kind.__name__}")
    recipe = dict(said.get("recipe", {}))
    from_dict(Recipe, recipe)  # unknown keys are errors here, not after the data has been read
    variants = {name: _variant(name, table) for name, table in said.get("variants", {}).items()}
    variants |= _grid(said.get("grid", {}), variants)
    return StudyFile(variants, said.get("network"), said.get("data"), said.get("seeds"), recipe)


def _variant(name: str, said: Any) -> Variant:
    table: Any = {"attention": said} if isinstance(said, str) else said
    if not isinstance(table, Mapping):
        raise UsageError(f"variants.{name}={said!r} is neither a spec nor a table")
    _require_known(table, FIELDS, f"variants.{name}.")
    try:
        placement = Placement(str(table.get("where", "standard")), _stages(table.get("stages")))
        change = partial(changed, dict(table["recipe"])) if "recipe" in table else None
        spec = parse(str(table.get("attention", "none")))
        return Variant(spec, placement, change) if change else Variant(spec, placement)
    except (UsageError, TypeError) as error:
        said_of_it = error.what if isinstance(error, UsageError) else str(error)
        raise UsageError(said_of_it, where=f"variants.{name}", do=getattr(error, "do", "")) from error


def _stages(said: Any) -> tuple[int, ...] | None:
    if said is None:
        return None
    if not isinstance(said, list) or not all(type(stage) is int for stage in said) or not said:
        raise UsageError(f"stages={said!r} is no list of numbers such as [3, 4]")
    return tuple(said)


def changed(changes: Mapping[str, Any], recipe: Recipe) -> Recipe:
    """Return a recipe with a variant's own values over the base's."""
    return from_dict(Recipe, merged(to_dict(recipe), changes))


def _grid(said: Any, variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """Return every combination of a grid, named by the values that it varies."""
    if not isinstance(said, Mapping) or not all(isinstance(values, list) and values for values in said.values()):
        raise UsageError("grid: each key holds a list of values")
    _require_known(said, FIELDS, "grid.")
    found: dict[str, Variant] = {}
    for values in itertools.product(*said.values()) if said else ():
        table = dict(zip(said, values, strict=True))
        name = ", ".join(_short(value) for key, value in table.items() if len(said[key]) > 1 or len(said) == 1)
        if name in variants or name in found:
            raise UsageError(f"grid: the variant {name} is there twice")
        found[name] = _variant(name, table)
    return found


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return str(value)


def _require_known(said: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
    for key in said:
        if key not in known:
            raise UsageError(f"unknown key {at}{key}", do=nearest(key, known))
