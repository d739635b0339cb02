"""One where several may be given: who writes ``stages=3`` means ``stages=(3,)``, and text is never its letters."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

from senet.errors import UsageError

T = TypeVar("T", int, float, str)
ACCEPTED: dict[type, tuple[type, str]] = {  # NumPy's numbers are numbers
    int: (Integral, "(2, 3)"),
    float: (Real, "(0.5, 0.5)"),
    str: (str, '("fc", "conv1")'),
}


def as_tuple(name: str, given: T | Iterable[T], kind: type[T]) -> tuple[T, ...]:
    """Return what is given as a tuple.

    Args:
        name: Of the argument, for the message.
        given: One, or several in any collection.
        kind: Of each; of ``float`` whole numbers are taken too.

    Raises:
        UsageError: It is neither; says what to write.
    """
    found: tuple[Any, ...] = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    taken, such_as = ACCEPTED[kind]
    if not all(isinstance(value, taken) and not isinstance(value, bool) for value in found):
        raise UsageError(f"{name}={given!r} cannot be read", do=f"write it as {such_as}")
    return tuple(kind(value) for value in found)
