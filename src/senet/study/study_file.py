"""A study of one's own as TOML: a base, variants, or a grid of them.

network = "resnet20"
data = "folder:photos"        # or a table [data]: source, image_size, mean, std, interpolation, crop_pct, in_channels
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
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from senet.attention import parse
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings
from senet.errors import UsageError
from senet.models import Placement
from senet.study.variant import Variant
from senet.training import Recipe
from senet.training.recipe.recipe import to_dict
from senet.training.recipe.toml import merge_values
from senet.utils.dataclass_io import dataclass_from_dict, read_toml


@dataclass(frozen=True)
class StudyTable:
    """The tables of a study's file, as it has them."""

    network: str | None = None
    data: str | None = None
    seeds: int | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataTable:
    """The table of the data; of its input what :class:`~senet.data.transforms.input_settings.InputSettings` has."""

    source: str | None = None
    image_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: str | None = None
    crop_pct: float | None = None
    in_channels: int | None = None

    @property
    def input(self) -> dict[str, Any]:
        """What it says of the input."""
        return {key: value for key, value in asdict(self).items() if key not in ("source", "image_size")}


@dataclass(frozen=True)
class VariantTable:
    """The table of a variant."""

    attention: str = "none"
    where: str = "standard"
    stages: tuple[int, ...] | None = None
    recipe: dict[str, Any] | None = None


@dataclass(frozen=True)
class StudyFile:
    """What a study's file says.

    Args:
        variants: By name; the first is the baseline.
        network: Name, or None where the file does not say.
        data: Source, or None.
        seeds: Number, or None.
        recipe: What it says of the recipe.
        image_size: Square size of the network's input, or None.
        input: What it says of the input.
    """

    variants: dict[str, Variant]
    network: str | None = None
    data: str | None = None
    seeds: int | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    image_size: int | None = None
    input: InputSettings = NO_INPUT_SETTINGS


def read_study(path: Path) -> StudyFile:
    """Read a study.

    Raises:
        UsageError: No file, not TOML, an unknown key (with the nearest known one), a value that makes no sense.
    """
    return read_toml(path, "study", _study)


def _study(values: Mapping[str, Any]) -> StudyFile:
    table = values.get("data")
    data = dataclass_from_dict(DataTable, table, "data.") if isinstance(table, Mapping) else None
    said = dataclass_from_dict(StudyTable, values if data is None else {**values, "data": data.source})
    given = InputSettings(**data.input) if data else NO_INPUT_SETTINGS
    dataclass_from_dict(Recipe, said.recipe)  # unknown keys are errors here, not after the data has been read
    variants = {name: _variant(name, table) for name, table in said.variants.items()}
    variants |= _grid(said.grid, variants)
    size = data.image_size if data else None
    return StudyFile(variants, said.network, said.data, said.seeds, said.recipe, size, given)


def _variant(name: str, said: Any) -> Variant:
    table: Any = {"attention": said} if isinstance(said, str) else said
    if not isinstance(table, Mapping):
        raise UsageError(f"variants.{name}={said!r} is neither a spec nor a table")
    one = dataclass_from_dict(VariantTable, table, f"variants.{name}.")
    if one.stages == ():
        raise UsageError(f"variants.{name}.stages=[] names no stage", do="leave it out for all of them")
    try:
        variant = Variant(parse(one.attention), Placement(one.where, one.stages))
        return variant if one.recipe is None else replace(variant, change=partial(change_recipe, one.recipe))
    except UsageError as error:
        raise UsageError(error.what, where=f"variants.{name}", do=error.do) from error


def change_recipe(changes: Mapping[str, Any], recipe: Recipe) -> Recipe:
    """Return a recipe with a variant's own values over the base's."""
    return dataclass_from_dict(Recipe, merge_values(to_dict(recipe), changes))


def _grid(said: Any, variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """Return every combination of a grid, named by the values that it varies."""
    if not isinstance(said, Mapping) or not all(isinstance(values, list) and values for values in said.values()):
        raise UsageError("grid: each key holds a list of values")
    dataclass_from_dict(VariantTable, {key: values[0] for key, values in said.items()}, "grid.")
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
