"""Every table of every command: it fits the terminal, or its rows become records; no word and no number is cut."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box, table
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from senet.data.labels.labels import Labels
from senet.utils.text import printable

PIPE_WIDTH = 100  # where no terminal says how wide it is
GAP = 2  # cells between two columns
INDENT = "  "
MIN_TEXT_WIDTH = 24  # cells that a column of words may be narrowed to; in less, sentences become towers

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """A column of numbers, which stay whole and stand on the right, or of words.

    Args:
        heading: What stands above it; its lines are those of a cell that has as many.
        words: On the left, and broken between words where room is short.
    """

    heading: str
    words: bool = False


@dataclass(frozen=True)
class Table:
    """What is printed as a table.

    Args:
        columns: From the left; where the first holds words, they are the rows' names.
        rows: Cells of each; a str is shown as it is, whatever it holds, and a Text with its style.
        title: Stands above.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""


def text_column(heading: str = "") -> Column:
    """Return a column of words."""
    return Column(heading, words=True)


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to :func:`senet.cli.main`, to which a reader that has enough, such as head, is no failure."""
        raise


def terminal() -> Console:
    """Return a console as wide as the terminal or as COLUMNS says, and wide enough where neither does."""
    told = os.environ.get("COLUMNS", "").isdigit()
    console = _Terminal(highlight=False)
    return console if console.is_terminal or told else _Terminal(highlight=False, width=PIPE_WIDTH)


def print_table(console: Console, shown: Table) -> None:
    """Print a table; where it would break a word or a number, a record for each row."""
    if shown.title:
        print_wrapped(console, Text(printable(shown.title), "bold"))
    widths = _widths(shown, console.width)
    if widths:
        console.print(_grid(shown, widths))
    else:
        console.print()
        _print_records(console, shown)
    console.print()


def print_pairs(console: Console, pairs: Iterable[tuple[str, Cell]], indent: str = "") -> None:
    """Print a line for each heading and its value; a long value goes on under its beginning."""
    known = [(heading, _text(value)) for heading, value in pairs]
    first = max((cell_len(heading) for heading, _ in known), default=0) + GAP
    for heading, value in known:
        lead = f"{indent}{heading}{' ' * (first - cell_len(heading))}"
        lines = _broken(value, max(console.width - len(indent) - first, MIN_TEXT_WIDTH))
        for i, line in enumerate(lines):
            print_line(console, Text.assemble(" " * (len(indent) + first) if i else lead, line))


def print_wrapped(console: Console, text: Cell) -> None:
    """Print sentences, broken between words; what is longer than the console, such as a path, stays whole."""
    print_line(console, Text("\n").join(_broken(_text(text), console.width)))


def print_line(console: Console, text: Cell) -> None:
    """Print what a person copies, such as a path or a command: one line, however long."""
    console.print(_text(text), soft_wrap=True)


def print_note(console: Console, text: Cell) -> None:
    """Print a sentence about a run: between words on a terminal, in one line where it may be searched for."""
    (print_wrapped if console.is_terminal else print_line)(console, text)


def _grid(shown: Table, widths: Sequence[int]) -> table.Table:
    grid = table.Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for column, width in zip(shown.columns, widths, strict=True):
        grid.add_column(Text(column.heading), justify="left" if column.words else "right", width=width)
    for row in shown.rows:
        grid.add_row(*map(_text, row))
    return grid


def _widths(shown: Table, room: int) -> list[int]:
    """Return how wide each column is, empty where they do not fit; what is left goes to the words that want it."""
    least, most = [], []
    for i, column in enumerate(shown.columns):
        cells = [str(row[i]) for row in shown.rows]
        widest = max(map(_line, cells), default=0)
        longest = max(map(_word, cells), default=0)
        heading = _word(column.heading) if column.words or widest else _line(column.heading)
        least.append(max(heading, min(max(longest, MIN_TEXT_WIDTH), widest) if column.words else widest, 1))
        most.append(max(_line(column.heading), widest, 1))
    spare = room - GAP * (len(least) - 1) - sum(least)
    if spare < 0:
        return []
    for i in sorted(range(len(least)), key=lambda i: most[i] - least[i]):  # those that want little get all of it
        more = min(most[i] - least[i], spare)
        least[i], spare = least[i] + more, spare - more
    return least


def _line(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _print_records(console: Console, shown: Table) -> None:
    named = shown.columns[0].words
    for i, row in enumerate(shown.rows):
        pairs = [pair for column, cell in zip(shown.columns, row, strict=True) for pair in _pairs(column, cell)]
        if i:
            console.print()
        if named:
            print_wrapped(console, pairs.pop(0)[1])
        print_pairs(console, [pair for pair in pairs if str(pair[1])], INDENT if named else "")


def _pairs(column: Column, cell: Cell) -> list[tuple[str, Text]]:
    """Return the lines of a cell, each beside its line of the heading, or beside all of it."""
    lines, headings = list(_text(cell).split("\n")), column.heading.split("\n")
    if len(lines) == 1 or len(lines) != len(headings):
        headings = [headings[0] if len(lines) < len(headings) else " ".join(headings)]
    headings += [""] * (len(lines) - len(headings))
    return list(zip(headings, lines, strict=False))


def _broken(text: Text, width: int) -> list[Text]:
    """Return lines of whole words; rich would fold a word that is longer than a line."""
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        breaks, used = [], 0
        for word in re.finditer(r"\s*\S+\s*", str(line)):
            if used and used + cell_len(word[0].rstrip()) > width:
                breaks.append(word.start())
                used = 0
            used += cell_len(word[0])
        lines += line.divide(breaks)
    for line in lines:
        line.rstrip()
    return lines


def _text(cell: Cell) -> Text:
    return Text(cell) if isinstance(cell, str) else cell.copy()


def class_text(labels: Labels, number: int) -> str:
    """Return the name of an output, and what people call it."""
    return printable(f"{labels.name(number)} {labels.title(number)}".strip())
