"""Recipes as TOML 1.0: read strictly, and written."""

import tomllib
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from senet.errors import UsageError, nearest
from senet.training.recipe import Recipe, to_dict

LARGEST = 2**20  # bytes; a recipe has about a thousand

T = TypeVar("T")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UsageError: No file, not TOML (line and column are named), an unknown key (with the nearest known one), a
            value of another type, an impossible or contradictory value.
    """
    return from_dict(Recipe, read_values(path))


def read_values(path: Path) -> dict[str, Any]:
    """Read what a recipe's file says, and nothing that it leaves to the defaults; it is checked all the same.

    Raises:
        UsageError: As of :func:`read_recipe`.
    """
    return read_toml(path, "recipe", _checked)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    from_dict(Recipe, values)
    return values


def read_toml(path: Path, kind: str, understand: Callable[[dict[str, Any]], T]) -> T:
    """Read a TOML file; every error names it.

    Args:
        path: Of the file.
        kind: What it should be, for messages.
        understand: Makes something of what the file says.

    Raises:
        UsageError: No file, not TOML (line and column are named), too large, or as ``understand`` raises it.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"larger than {LARGEST} bytes: not a {kind}")
        return understand(tomllib.loads(path.read_text(encoding="utf-8")))
    except UsageError as error:
        raise UsageError(error.what, where=": ".join(filter(None, (str(path), error.where))), do=error.do) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"not a readable {kind}: {error}", where=str(path)) from error


def merged(values: Mapping[str, Any], over: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
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


def from_dict(kind: type[T], values: Mapping[str, Any], at: str = "") -> T:
    """Build a dataclass of settings from plain values, strictly.

    Args:
        kind: A dataclass whose fields are numbers, words, tuples or such dataclasses.
        values: By field; None stands for a part that is off.
        at: Key of the table, for messages.
    """
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type] # a dataclass, which T cannot say
    for name in values:
        if name not in known:
            raise UsageError(f"unknown key {at}{name}", do=nearest(name, known))
    return kind(**{name: _value(hints[name], value, at + name) for name, value in values.items()})


def _value(hint: Any, value: Any, key: str) -> Any:
    """Check a value against a field's annotation."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = next(option for option in get_args(hint) if option is not type(None))
        return None if value is None else _value(inner, value, key)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return from_dict(hint, value, f"{key}.")
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return _tuple(get_args(hint), value, key)
    if get_origin(hint) is Literal and value in get_args(hint):
        return value
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in (int, bool, str) and type(value) is hint:
        return value
    raise UsageError(f"{key}={value!r} is not {_wanted(hint)}")


def _tuple(hints: tuple[Any, ...], values: Sequence[Any], key: str) -> tuple[Any, ...]:
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(values)
    if len(hints) != len(values):
        raise UsageError(f"{key}={values!r} is not {len(hints)} values")
    return tuple(_value(hint, value, key) for hint, value in zip(hints, values, strict=True))


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if get_origin(hint) is tuple:
        return "a list of numbers"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
    return words.get(hint, "a table")
