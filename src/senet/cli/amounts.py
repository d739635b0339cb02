"""Amounts of work as cells of a table: what a network costs, and what two costs differ in."""

from collections.abc import Iterator

from senet.accounting import Work
from senet.cli.tables import Column

AMOUNTS = ("parameters", "multiply_adds", "elementwise", "bytes_moved")
LACKING = ("multiply_adds", "elementwise")  # where an operator could not be counted
COLUMNS = tuple(map(Column, ("parameters", "multiply-adds", "elementwise", "bytes moved")))


def difference(after: Work, before: Work) -> Iterator[list[str]]:
    """Yield the rows of what two amounts of work differ in, and what that is of the second."""
    yield ["difference", *amounts(after - before, "+,")]
    lacking = LACKING if after.uncounted or before.uncounted else ()
    percents = ("?" if a in lacking else percent(getattr(after, a), getattr(before, a)) for a in AMOUNTS)
    yield ["in percent", *percents]


def amounts(work: Work, form: str = ",") -> list[str]:
    """Print the amounts under their headings; a total that lacks an operator is marked."""
    lacking = LACKING if work.uncounted else ()
    return [format(getattr(work, a), form) + (" +?" if a in lacking else "") for a in AMOUNTS]


def percent(one: int, other: int) -> str:
    """Print by how much one amount is above another."""
    if one == other:
        return "equal"
    return f"{one / other - 1:+.3%}" if other else "-"
