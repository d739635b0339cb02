"""Arguments of a user's own block as text that reads as the same values, in this process, in a file and in a shell."""

import math
import shlex
from collections.abc import Mapping
from typing import Any

from senet.errors import UsageError

RESERVED = ("kind", "code")  # what a file says beside the arguments


def literal_arguments(address: str, arguments: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return arguments as pairs of name and text, by name: one block is written in one way.

    Raises:
        UsageError: A name or a value that JSON does not give back.
    """
    for name in arguments:
        if not name.isidentifier() or name in RESERVED:
            what = f"{address}: no argument can be called {name!r}"
            raise UsageError(what, do=f"rename it in the class: {' and '.join(RESERVED)} are reserved")
    try:
        return tuple(sorted((name, repr(_plain(value, f"{address}: {name}"))) for name, value in arguments.items()))
    except RecursionError as error:  # a file may come from anywhere
        raise UsageError(f"{address}: its arguments are nested too deep", do="nest them less") from error


def shell_quoted(spec: object) -> str:
    """Return a spec as a shell takes it, whoever wrote it."""
    text = str(spec)
    return shlex.quote(text) if any(sign in text for sign in '"$`\\!\n') else f'"{text}"'


def _plain(value: Any, what: str) -> Any:
    """Return a value with tuples in the place of lists, which JSON does not tell apart."""
    if isinstance(value, list | tuple):
        return tuple(_plain(each, what) for each in value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(each, what) for key, each in value.items()}
    finite = isinstance(value, float) and math.isfinite(value)
    if value is None or isinstance(value, bool | int | str) or finite:
        return value
    do = "use numbers, text, True, False, None, or tuples and dicts of them"
    raise UsageError(f"{what}={value!r:.100} cannot be saved", do=do)
