"""What tables have in common, those of costs above all."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from senet.accounting import Work
from senet.data.labels import Labels
from senet.text import plain

AMOUNTS = ("parameters", "multiply_adds", "elementwise", "bytes_moved")
LACKING = ("multiply_adds", "elementwise")  # where an operator could not be counted
HEADINGS = ("parameters", "multiply-adds", "elementwise", "bytes moved")
PIPE_WIDTH = 100  # where no terminal says how wide it is


def terminal() -> Console:
    """Return a console as wide as the terminal, or wide enough where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def empty_table(title: str, *columns: str, names: Sequence[str] = ("",)) -> Table:
    """Return a table with columns of names, which may be folded, and columns of numbers."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in names:
        table.add_column(column, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def difference(after: Work, before: Work) -> Iterator[list[str]]:
    """Yield the rows of what two amounts of work differ in, and what that is of the second."""
    yield ["difference", *amounts(after - before, "+,")]
    lacking = LACKING if after.uncounted or before.uncounted else ()
    percents = ("?" if a in lacking else percent(getattr(after, a), getattr(before, a)) for a in AMOUNTS)
    yield ["in percent", *percents]


def amounts(work: Work, form: str = ",") -> list[str]:
    """Print the amounts under the headings; a total that lacks an operator is marked."""
    lacking = LACKING if work.uncounted else ()
    return [format(getattr(work, a), form) + (" +?" if a in lacking else "") for a in AMOUNTS]


def percent(one: int, other: int) -> str:
    """Print by how much one amount is above another."""
    if one == other:
        return "equal"
    return f"{one / other - 1:+.3%}" if other else "-"


def called(labels: Labels, number: int) -> str:
    """Return the name of an output, and what people call it."""
    return plain(f"{labels.name(number)} {labels.title(number)}".strip())
