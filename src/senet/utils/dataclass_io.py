"""Dataclasses from the plain values of TOML or JSON: every key known, every type as annotated."""

import tomllib
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from senet.errors import SenetError, UsageError, did_you_mean

LARGEST = 2**20  # bytes; settings and records have a few thousand

T = TypeVar("T")
Constructor = Callable[[dict[str, Any]], T]


def read_toml(path: Path, kind: str, construct: Constructor[T], raises: type[SenetError] = UsageError) -> T:
    """Read a TOML file; every error names it.

    Args:
        path: Of the file.
        kind: What it should be, for messages.
        construct: Makes something of what the file says, or raises a ``UsageError``.
        raises: Every error is one of these.

    Raises:
        SenetError: No file, not TOML (line and column are named), too large, or as ``construct`` raises it.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise raises(f"larger than {LARGEST} bytes: not a {kind}", where=str(path))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise raises(f"not a readable {kind}: {said}", where=str(path)) from error
    return parse_toml(text, str(path), kind, construct, raises)


def parse_toml(text: str, where: str, kind: str, construct: Constructor[T], raises: type[SenetError] = UsageError) -> T:
    """Read TOML from its text; arguments and errors as of :func:`read_toml`."""
    try:
        return construct(tomllib.loads(text))
    except UsageError as error:
        raise raises(error.what, where=": ".join(filter(None, (where, error.where))), do=error.do) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise raises(f"not a readable {kind}: {error}", where=where) from error


def dataclass_from_dict(kind: type[T], values: Mapping[str, Any], at: str = "") -> T:
    """Build a dataclass from plain values.

    Args:
        kind: A dataclass whose fields are numbers, words, choices, tables, dataclasses or tuples of these.
        values: By field; None stands for a field that may be None.
        at: Key of the table, for messages.

    Raises:
        UsageError: An unknown key (with the nearest known one), a missing one or a value of another type.
    """
    known = {field.name: field for field in fields(cast(Any, kind))}
    for name in values:
        if name not in known:
            raise UsageError(f"unknown key {at}{name}", do=did_you_mean(name, known))
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise UsageError(f"the key {at}{name} is missing")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value, at + name) for name, value in values.items()})


def _value(hint: Any, value: Any, key: str) -> Any:
    """Check a value against a field's annotation."""
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        inner = next((option for option in options if value in get_args(option)), options[-1])  # a word of a Literal
        words = [option for option in options if get_origin(option) is Literal]
        if words and isinstance(value, str) and get_origin(options[-1]) is tuple:
            inner = words[0]  # a misspelt one: no text is meant as numbers
        return None if value is None else _value(inner, value, key)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return dataclass_from_dict(hint, value, f"{key}.")
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return _tuple(get_args(hint), value, key)
    if get_origin(hint) is Literal and isinstance(value, str) and value in get_args(hint):
        return value
    if get_origin(hint) is dict and isinstance(value, Mapping):
        return dict(value)
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in (int, bool, str) and type(value) is hint:
        return value
    raise UsageError(f"{key}={value!r:.100} is not {_wanted(hint)}")


def _tuple(hints: tuple[Any, ...], values: Sequence[Any], key: str) -> tuple[Any, ...]:
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(values)
    if len(hints) != len(values):
        raise UsageError(f"{key}={values!r} is not {len(hints)} values")
    pairs = enumerate(zip(hints, values, strict=True))
    return tuple(_value(hint, value, f"{key}[{i}]") for i, (hint, value) in pairs)


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return words.get(hint, "a list" if get_origin(hint) is tuple else "a table")
