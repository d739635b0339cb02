"""Dotted module names as paths."""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TypeVar

T = TypeVar("T")


def shared_start(sequences: Iterable[Sequence[T]]) -> list[T]:
    """Return what all sequences begin with, element by element."""
    columns = zip(*sequences, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
