"""The study on a terminal: one table, then what it supports in words."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from senet.study.summary import Comparison, Row, Summary
from senet.study.words import count_text, interval_text, lacking, latency_text, p_text, points, seconds_text
from senet.text import plain


def render(summary: Summary) -> RenderableType:
    """Return the table and its sentences for a rich console of any width, terminal or not.

    Names are text: neither markup nor control codes in them take effect.
    """
    sentences = [Text(plain(sentence), overflow="fold") for sentence in summary.verdicts]
    return Group(Text(plain(summary.title), style="bold"), _table(summary.rows), Text(), *sentences)


def _table(rows: tuple[Row, ...]) -> Table:
    baseline = plain(rows[0].variant) if rows else "baseline"
    difference = f"minus {baseline}\n95% interval"
    headings = ("accuracy %\n95% interval", difference, "p", "parameters\nmult-adds", "latency\ntraining")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("variant\nseeds", overflow="fold")
    for heading in headings:
        table.add_column(Text(heading), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[Text]:
    """Return one row; two lines to a cell so that it fits 80 columns."""
    compared = row.comparison
    return [
        _stacked(plain(row.variant), f"n={row.n}"),
        _stacked(points(row.accuracy.mean), interval_text(row.accuracy)),
        _difference(compared) if compared else Text("-"),
        Text(p_text(compared.p) if compared and compared.p is not None else "-"),
        _stacked(count_text(row.parameters), lacking(count_text(row.multiply_adds), row.uncounted)),
        _stacked(latency_text(row.latency_ms), seconds_text(row.train_seconds)),
    ]


def _difference(compared: Comparison) -> Text:
    interval = compared.difference
    return _stacked(points(interval.mean, sign=True), interval_text(interval, compared.p))


def _stacked(above: str, below: str) -> Text:
    return Text.assemble(above, (f"\n{below}", "dim"))
