"""The tables of senet cost."""

from rich.console import Console
from rich.text import Text

from senet.accounting import uncounted_text
from senet.cli.common.amounts import COLUMNS, amounts, difference, percent
from senet.cli.common.tables import Column, Table, names, print_table, print_words, terminal
from senet.cli.cost.count import CONVENTIONS, Report, modules
from senet.networks.published.figures import parse_figure


def print_tables(report: Report, by_module: bool) -> None:
    """Print the totals, the stages and units if asked, the published figures and the conventions."""
    console = terminal()
    print_table(console, _totals(report))
    if by_module:
        print_table(console, _by_module(report))
    if report.figures:
        _print_figures(console, report)
    if text := uncounted_text(report.cost.uncounted):
        print_words(console, text)
    print_words(console, Text(CONVENTIONS, "dim"))


def _totals(report: Report) -> Table:
    spec, whole = report.spec, report.cost.total
    geometry = f"{spec.geometry} geometry, " if spec and spec.geometry else ""
    image = " x ".join(map(str, report.image))
    rows = [[report.network, *amounts(whole)]]
    if report.plain:
        plain = report.plain.total
        rows += [["without attention", *amounts(plain)], *difference(whole, plain)]
        rows += [["attention's share", *amounts(report.cost.attention)]]
    title = f"{report.network}: {report.attention or 'no attention'}, {geometry}{image}"
    return Table((names(), *COLUMNS), rows, title)


def _by_module(report: Report) -> Table:
    rows = [[name, *amounts(work), f"{attention.parameters:,}"] for name, work, attention in modules(report.cost)]
    return Table((names(), *COLUMNS, Column("attention")), rows, "By stage and unit; attention: its parameters")


def _print_figures(console: Console, report: Report) -> None:
    sources = list(dict.fromkeys((figure.source, figure.note) for _, _, figure in report.figures))
    rows = []
    for name, counted, figure in report.figures:
        parameters = _against(figure.parameters, counted.parameters)
        multiply_adds = _against(figure.multiply_adds, counted.multiply_adds)
        rows.append([name, *parameters, *multiply_adds, f"({sources.index((figure.source, figure.note)) + 1})"])
    headings = map(Column, ("parameters", "ours", "multiply-adds", "ours", "source"))
    print_table(console, Table((names(), *headings), rows, "Published, and ours against it"))
    for i, (source, note) in enumerate(sources, 1):
        print_words(console, f"({i}) {source}{f'; {note}' if note else ''}")
    console.print()


def _against(printed: str, ours: int) -> tuple[str, str]:
    return (printed, percent(ours, parse_figure(printed))) if printed else ("-", "")
