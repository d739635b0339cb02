"""The tables of senet cost."""

from rich.console import Console
from rich.text import Text

from senet.accounting import uncounted_text
from senet.cli.common.cost_columns import COST_COLUMNS, cost_cells, difference_rows, percent_change
from senet.cli.common.tables import Column, Table, print_table, print_wrapped, terminal, text_column
from senet.cli.cost.count import CONVENTIONS, CostReport, costs_by_module
from senet.networks.published.figures import parse_figure


def print_tables(report: CostReport, by_module: bool) -> None:
    """Print the totals, the stages and units if asked, the published figures and the conventions."""
    console = terminal()
    print_table(console, _totals(report))
    if by_module:
        print_table(console, _by_module(report))
    if report.figures:
        _print_figures(console, report)
    if text := uncounted_text(report.cost.uncounted):
        print_wrapped(console, text)
    print_wrapped(console, Text(CONVENTIONS, "dim"))


def _totals(report: CostReport) -> Table:
    spec, whole = report.spec, report.cost.total
    geometry = f"{spec.geometry} geometry, " if spec and spec.geometry else ""
    image = " x ".join(map(str, report.image))
    rows = [[report.network, *cost_cells(whole)]]
    if report.without_attention:
        plain = report.without_attention.total
        rows += [["without attention", *cost_cells(plain)], *difference_rows(whole, plain)]
        rows += [["attention's share", *cost_cells(report.cost.attention)]]
    title = f"{report.network}: {report.attention or 'no attention'}, {geometry}{image}"
    return Table((text_column(), *COST_COLUMNS), rows, title)


def _by_module(report: CostReport) -> Table:
    rows = [
        [name, *cost_cells(work), f"{attention.parameters:,}"] for name, work, attention in costs_by_module(report.cost)
    ]
    return Table(
        (text_column(), *COST_COLUMNS, Column("attention")), rows, "By stage and unit; attention: its parameters"
    )


def _print_figures(console: Console, report: CostReport) -> None:
    sources = list(dict.fromkeys((figure.source, figure.note) for _, _, figure in report.figures))
    rows = []
    for name, counted, figure in report.figures:
        parameters = _against(figure.parameters, counted.parameters)
        multiply_adds = _against(figure.multiply_adds, counted.multiply_adds)
        rows.append([name, *parameters, *multiply_adds, f"({sources.index((figure.source, figure.note)) + 1})"])
    headings = map(Column, ("parameters", "ours", "multiply-adds", "ours", "source"))
    print_table(console, Table((text_column(), *headings), rows, "Published, and ours against it"))
    for i, (source, note) in enumerate(sources, 1):
        print_wrapped(console, f"({i}) {source}{f'; {note}' if note else ''}")
    console.print()


def _against(printed: str, ours: int) -> tuple[str, str]:
    return (printed, percent_change(ours, parse_figure(printed))) if printed else ("-", "")
