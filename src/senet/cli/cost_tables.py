"""The tables of senet cost."""

from rich.console import Console
from rich.table import Table

from senet.accounting import uncounted_text
from senet.cli.cost_report import CONVENTIONS, Report, modules
from senet.cli.tables import HEADINGS, amounts, difference, empty_table, percent, terminal
from senet.networks.figures import number


def print_tables(report: Report, by_module: bool) -> None:
    """Print the totals, the stages and units if asked, the published figures and the conventions."""
    console = terminal()
    console.print(_totals(report))
    if by_module:
        console.print(_by_module(report))
    if report.figures:
        _print_figures(console, report)
    if text := uncounted_text(report.cost.uncounted):
        console.print(text, markup=False, soft_wrap=True)
    console.print(CONVENTIONS, style="dim")


def _totals(report: Report) -> Table:
    spec, whole = report.spec, report.cost.total
    geometry = f"{spec.geometry} geometry, " if spec and spec.geometry else ""
    image = " x ".join(map(str, report.image))
    table = empty_table(f"{report.network}: {report.attention or 'no attention'}, {geometry}{image}", *HEADINGS)
    table.add_row(report.network, *amounts(whole))
    if report.plain:
        plain = report.plain.total
        table.add_row("without attention", *amounts(plain))
        for row in difference(whole, plain):
            table.add_row(*row)
        table.add_row("attention's share", *amounts(report.cost.attention))
    return table


def _by_module(report: Report) -> Table:
    table = empty_table("By stage and unit; attention: its parameters", *HEADINGS, "attention")
    for name, work, attention in modules(report.cost):
        table.add_row(name, *amounts(work), f"{attention.parameters:,}")
    return table


def _print_figures(console: Console, report: Report) -> None:
    sources = list(dict.fromkeys((figure.source, figure.note) for _, _, figure in report.figures))
    table = empty_table("Published, and ours against it", "parameters", "ours", "multiply-adds", "ours", "source")
    for name, counted, figure in report.figures:
        parameters = _against(figure.parameters, counted.parameters)
        multiply_adds = _against(figure.multiply_adds, counted.multiply_adds)
        table.add_row(name, *parameters, *multiply_adds, f"({sources.index((figure.source, figure.note)) + 1})")
    console.print(table)
    for i, (source, note) in enumerate(sources, 1):
        console.print(f"({i}) {source}{f'; {note}' if note else ''}")


def _against(printed: str, ours: int) -> tuple[str, str]:
    return (printed, percent(ours, number(printed))) if printed else ("-", "")
