"""A study on a terminal: one table, then what it supports in words."""

from rich.console import Console
from rich.text import Text

from senet.cli.common.tables import Cell, Column, Table, print_table, print_wrapped, text_column
from senet.study.report.words import (
    count_text,
    interval_text,
    latency_text,
    mark_uncounted,
    p_text,
    points,
    seconds_text,
)
from senet.study.summary import Comparison, Summary, VariantRow
from senet.utils.text import printable


def print_comparison(console: Console, summary: Summary) -> None:
    """Print the table and a paragraph for each verdict.

    Names are text: neither markup nor control codes in them take effect.
    """
    print_table(console, _table(summary))
    for verdict in summary.verdicts:
        print_wrapped(console, printable(verdict))
        console.print()


def _table(summary: Summary) -> Table:
    baseline = printable(summary.rows[0].variant) if summary.rows else "baseline"
    difference = f"minus {baseline}\n95% interval"
    numbers = ("accuracy %\n95% interval", difference, "p", "parameters\nmult-adds", "latency\ntraining")
    columns = (text_column("variant\nseeds"), *map(Column, numbers))
    return Table(columns, list(map(_cells, summary.rows)), summary.title)


def _cells(row: VariantRow) -> list[Cell]:
    """Return one row; two lines to a cell so that it fits 80 columns."""
    compared = row.comparison
    return [
        _stacked(printable(row.variant), f"n={row.n}"),
        _stacked(points(row.accuracy.mean), interval_text(row.accuracy)),
        _difference(compared) if compared else "-",
        p_text(compared.p) if compared and compared.p is not None else "-",
        _stacked(count_text(row.parameters), mark_uncounted(count_text(row.multiply_adds), row.uncounted)),
        _stacked(latency_text(row.latency_ms), seconds_text(row.train_seconds)),
    ]


def _difference(compared: Comparison) -> Text:
    interval = compared.difference
    return _stacked(points(interval.mean, sign=True), interval_text(interval, compared.p))


def _stacked(above: str, below: str) -> Text:
    return Text.assemble(above, (f"\n{below}", "dim"))
