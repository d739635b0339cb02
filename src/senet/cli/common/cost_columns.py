"""What a network costs as cells of a table, and what two costs differ in."""

from collections.abc import Iterator

from torch import nn

from senet.accounting import Work, cost
from senet.cli.common.tables import Column
from senet.errors import UsageError

COST_FIELDS = ("parameters", "multiply_adds", "elementwise", "bytes_moved")
INCOMPLETE_FIELDS = ("multiply_adds", "elementwise")  # where an operator could not be counted
COST_COLUMNS = tuple(map(Column, ("parameters", "multiply-adds", "elementwise", "bytes moved")))


def difference_rows(after: Work, before: Work) -> Iterator[list[str]]:
    """Yield the rows of what two amounts of work differ in, and what that is of the second."""
    yield ["difference", *cost_cells(after - before, "+,")]
    lacking = INCOMPLETE_FIELDS if after.uncounted or before.uncounted else ()
    percents = ("?" if a in lacking else percent_change(getattr(after, a), getattr(before, a)) for a in COST_FIELDS)
    yield ["in percent", *percents]


def cost_cells(work: Work, form: str = ",") -> list[str]:
    """Print the amounts under their headings; a total that lacks an operator is marked."""
    lacking = INCOMPLETE_FIELDS if work.uncounted else ()
    return [format(getattr(work, a), form) + (" +?" if a in lacking else "") for a in COST_FIELDS]


def percent_change(one: int, other: int) -> str:
    """Print by how much one amount is above another."""
    if one == other:
        return "equal"
    return f"{one / other - 1:+.3%}" if other else "-"


def model_cost(model: nn.Module, image: tuple[int, ...]) -> dict[str, int]:
    """Return parameters, and multiply-adds of one image where every operator can be counted; senet cost says why not.

    Args:
        model: Takes such images.
        image: (C, H, W).
    """
    try:
        price = cost(model, image)
    except UsageError:
        return {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    adds = {} if price.uncounted else {"multiply_adds": price.multiply_adds}
    return {"parameters": price.parameters, **adds}
