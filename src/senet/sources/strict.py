"""Dataclasses from the plain values of a TOML file: every key known, none missing, every type as annotated."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from senet.errors import WeightsError, nearest

T = TypeVar("T")


def strictly(kind: type[T], values: Mapping[str, Any], at: str = "") -> T:
    """Build a dataclass whose fields are numbers, words, choices, dataclasses or tuples of these.

    Args:
        kind: The dataclass.
        values: By field.
        at: Key of the table, for messages.

    Raises:
        WeightsError: An unknown key (with the nearest known one), a missing one or a value of another type.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type] # a dataclass, which T cannot say
    for name in values:
        if name not in known:
            raise WeightsError(f"unknown key {at}{name}", do=nearest(name, known))
    absent = [name for name, field in known.items() if name not in values and field.default is MISSING]
    if absent:
        raise WeightsError(f"the key {at}{absent[0]} is missing")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value, at + name) for name, value in values.items()})


def _value(hint: Any, value: Any, key: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(option for option in get_args(hint) if option is not type(None))  # TOML has no null
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return strictly(hint, value, f"{key}.")
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(get_args(hint)[0], entry, f"{key}[{i}]") for i, entry in enumerate(value))
    if get_origin(hint) is Literal and isinstance(value, str) and value in get_args(hint):
        return value
    if hint in (int, bool, str) and type(value) is hint:
        return value
    raise WeightsError(f"{key}={value!r:.100} is not {_wanted(hint)}")


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    words = {int: "a whole number", bool: "true or false", str: "text"}
    return words.get(hint, "a list" if get_origin(hint) is tuple else "a table")
