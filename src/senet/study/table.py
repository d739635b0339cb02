"""The study on a terminal: one table, then what it supports in words."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from senet.study.summary import Row, Summary
from senet.study.words import count_text, interval_text, p_text, plain, points, seconds_text

_HEADINGS = ("accuracy %\nmean, 95%", "minus\n{}, 95%", "p", "para-\nmeters", "multiply-\nadds", "latency", "training")


def render(summary: Summary) -> RenderableType:
    """Return the table and its sentences for a rich console of any width, terminal or not.

    Names are text: neither markup nor control codes in them take effect.
    """
    sentences = [Text(f"• {plain(sentence)}", overflow="fold") for sentence in summary.verdicts]
    return Group(_table(summary), Text(), *sentences)


def _table(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, expand=False)
    table.title = Text(plain(summary.title), style="bold")
    table.title_justify = "left"
    table.add_column("variant", overflow="fold")
    baseline = plain(summary.rows[0].variant) if summary.rows else "baseline"
    for heading in _HEADINGS:
        table.add_column(Text(heading.format(baseline)), justify="right", overflow="fold")
    for row in summary.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[Text]:
    """Return one row, two lines to a cell so that it fits 80 columns."""
    compared = row.comparison
    difference = _mean(row.comparison.difference) if compared else Text("baseline", style="dim")
    return []
