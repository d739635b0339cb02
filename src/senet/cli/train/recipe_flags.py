"""Every field of a recipe as a flag, made from the recipe itself, so that no flag is missing and none is invented."""

from collections.abc import Mapping
from dataclasses import asdict, field, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, Literal, get_args, get_type_hints

from cyclopts import Group, Parameter

from senet.inference.compute import Precision
from senet.training.recipe.recipe import Recipe

CLASS_WEIGHTS_WORD = Literal["balanced"]
CLASS_WEIGHTS = CLASS_WEIGHTS_WORD | tuple[float, ...]  # of class_weights: a flag takes one word, or numbers
MEASURE = "measure"  # a precision of the command line alone: it is no part of a recipe
SHOWN_DEFAULTS = {
    "precision": "measured",
    "threads": "all cores",
    "compile": "measured for long runs",
}  # what the command settles where nobody says it
EXTRA_FLAG_TYPES: dict[type, dict[str, Any]] = {Recipe: {"precision": Literal[*get_args(Precision), MEASURE]}}


def optional_flags(kind: type, defaults: Mapping[str, Any], prefix: str = "") -> Any:
    """Return a dataclass like ``kind`` in which every field may be left out.

    Args:
        kind: A dataclass whose fields are plain values or such dataclasses.
        defaults: What the help shows for a field that is left out, where it is not the field's own default.
        prefix: Of its flags, ``ema.`` of a recipe's table ``[ema]``.
    """
    hints, entries = get_type_hints(kind) | EXTRA_FLAG_TYPES.get(kind, {}), []
    for entry in fields(kind):
        part = _part(hints[entry.name])
        if part is None:
            flag = _flag(hints[entry.name], entry, defaults.get(entry.name, entry.default), prefix)
            entries.append((entry.name, flag, field(default=None)))
        else:
            inner = optional_flags(part, {}, f"{entry.name.replace('_', '-')}.")
            group = Group(f"Recipe: {entry.name}")
            entries.append((entry.name, Annotated[inner, Parameter(group=group)], field(default=inner())))
    made = make_dataclass(kind.__name__, entries, namespace={"__doc__": kind.__doc__}, frozen=True)
    made.__module__ = __name__  # else it passes for a type of Python's own and is not taken apart
    return made


def _part(hint: Any) -> type | None:
    """Return the dataclass that a field holds, None for a plain value."""
    options = (option for option in (hint, *get_args(hint)) if isinstance(option, type))
    return next(filter(is_dataclass, options), None)


def without_measure(values: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a recipe's values without a precision that is to be measured again, and whether it is."""
    renew = values.get("precision") == MEASURE
    return {key: value for key, value in values.items() if key != "precision" or not renew}, renew


def _flag(hint: Any, entry: Any, default: Any, prefix: str) -> Any:
    shown = (lambda _: str(default)) if default is not None and default != () else False
    negative = f"--no-{prefix}{entry.name.replace('_', '-')}" if hint is bool else ""
    if get_args(hint)[:2] == get_args(CLASS_WEIGHTS):
        hint = tuple[float | CLASS_WEIGHTS_WORD, ...]
    several = Ellipsis in get_args(hint)  # as many as there are: --steps.milestones 30 60
    return Annotated[hint | None, Parameter(show_default=shown, negative=negative, consume_multiple=several)]


RecipeFlags = optional_flags(Recipe, SHOWN_DEFAULTS)
DEFAULT_RECIPE_FLAGS = RecipeFlags()

STUDY_RECIPE = {"epochs": 40}  # of senet compare, where nobody says otherwise
StudyFlags = optional_flags(Recipe, {**SHOWN_DEFAULTS, "threads": "measured", **STUDY_RECIPE})
DEFAULT_STUDY_FLAGS = StudyFlags()


def given_values(flags: Any) -> dict[str, Any]:
    """Return what flags say, as :func:`senet.utils.dataclass_io.dataclass_from_dict` takes it."""
    return _said(asdict(flags))


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: _said(value) if isinstance(value, Mapping) else _word(value) for key, value in values.items()}
    return {key: value for key, value in said.items() if value is not None and value != {}}


def _word(value: Any) -> Any:
    """Return the word that stands in the place of a list."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], str) else value
