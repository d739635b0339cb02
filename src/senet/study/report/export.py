"""A table as text to paste elsewhere: Markdown, LaTeX, CSV. Names stay text in each of them."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from senet.utils import files
from senet.utils.text import csv_cell, printable

Cell = str | int | float | None

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$&!#:])")
_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "{}$&#%_"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}"},
    }
)


@dataclass(frozen=True)
class ExportTable:
    """A table as values.

    Args:
        headings: One for each column.
        rows: Of as many cells.
        names: So many columns, from the left, hold names and words; the others hold numbers.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    names: int = 1


def markdown(table: ExportTable) -> str:
    """Return a pipe table; what would be markup in a name is escaped."""
    rule = [":--" if column < table.names else "--:" for column in range(len(table.headings))]
    lines = [[*map(_markdown_text, table.headings)], rule, *_lines(table, _markdown_text, _text)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def latex(table: ExportTable) -> str:
    """Return a ``tabular`` with the rules of the package booktabs; what would be a command in a name is escaped."""
    columns = "l" * table.names + "r" * (len(table.headings) - table.names)
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            f"\\begin{{tabular}}{{{columns}}}",
            *("\\toprule", _latex_row(list(map(_latex_text, table.headings))), "\\midrule"),
            *map(_latex_row, _lines(table, _latex_text, _latex_number)),
            *("\\bottomrule", "\\end{tabular}", ""),
        ]
    )


def csv_text(table: ExportTable) -> str:
    """Return comma-separated values, numbers in full; a name that a spreadsheet would compute gets an apostrophe."""
    return files.csv_text(table.headings, ([_csv_value(cell) for cell in row] for row in table.rows))


def _lines(table: ExportTable, name: Callable[[Cell], str], number: Callable[[Cell], str]) -> list[list[str]]:
    """Return the rows as text, names written one way and numbers another."""
    return [
        [name(cell) if column < table.names else number(cell) for column, cell in enumerate(row)] for row in table.rows
    ]


def _text(cell: Cell) -> str:
    return "" if cell is None else printable(cell)


def _markdown_text(cell: Cell) -> str:
    return _MARKDOWN.sub(r"\\\1", _text(cell))


def _latex_text(cell: Cell) -> str:
    shown = _text(cell).translate(_LATEX)
    # Two hyphens would become a dash, and a bracket or a star after the last row's \\ its argument.
    parted = re.sub(r"-(?=-)", "-{}", shown)
    return f"{{}}{parted}" if parted.startswith(("[", "*")) else parted


def _latex_number(cell: Cell) -> str:
    return re.sub(r"-(?=\d)", "$-$", _latex_text(cell))


def _latex_row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _csv_value(cell: Cell) -> str | int | float:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    return csv_cell(cell) if isinstance(cell, str) else cell
