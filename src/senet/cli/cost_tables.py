"""The tables of senet cost."""

from rich import box
from rich.console import Console
from rich.table import Table

from senet.accounting import Work
from senet.cli.cost_report import CONVENTIONS, Report, modules
from senet.networks.figures import number

AMOUNTS = ("parameters", "multiply_adds", "elementwise", "bytes_moved")
HEADINGS = ("parameters", "multiply-adds", "elementwise", "bytes moved")
PIPE_WIDTH = 100  # where no terminal says how wide it is


def print_tables(report: Report, by_module: bool) -> None:
    """Print the totals, the stages and units if asked, the published figures and the conventions."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    console.print(_totals(report))
    if by_module:
        console.print(_by_module(report))
    if report.figures:
        _print_figures(console, report)
    console.print(CONVENTIONS, style="dim")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _totals(report: Report) -> Table:
    request, spec, whole = report.request, report.spec, report.cost.total
    geometry = f"{spec.geometry} geometry, " if spec.geometry else ""
    image = " x ".join(str(n) for n in request.input_size)
    table = _table(f"{request.network}: {spec.attention or 'no attention'}, {geometry}{image}", *HEADINGS)
    table.add_row(request.network, *_amounts(whole))
    if report.plain:
        plain = report.plain.total
        table.add_row("without attention", *_amounts(plain))
        table.add_row("difference", *_amounts(whole - plain, "+,"))
        table.add_row("in percent", *(_percent(getattr(whole, a), getattr(plain, a)) for a in AMOUNTS))
        table.add_row("attention's share", *_amounts(report.cost.attention))
    return table


def _by_module(report: Report) -> Table:
    table = _table("By stage and unit; attention: its parameters", *HEADINGS, "attention")
    for name, work, attention in modules(report.cost):
        table.add_row(name, *_amounts(work), f"{attention.parameters:,}")
    return table


def _print_figures(console: Console, report: Report) -> None:
    sources = list(dict.fromkeys((figure.source, figure.note) for _, _, figure in report.figures))
    table = _table("Published, and ours against it", "parameters", "ours", "multiply-adds", "ours", "source")
    for name, counted, figure in report.figures:
        parameters = _against(figure.parameters, counted.parameters)
        multiply_adds = _against(figure.multiply_adds, counted.multiply_adds)
        table.add_row(name, *parameters, *multiply_adds, f"({sources.index((figure.source, figure.note)) + 1})")
    console.print(table)
    for i, (source, note) in enumerate(sources, 1):
        console.print(f"({i}) {source}{f'; {note}' if note else ''}")


def _against(printed: str, ours: int) -> tuple[str, str]:
    return (printed, _percent(ours, number(printed))) if printed else ("-", "")


def _amounts(work: Work, form: str = ",") -> list[str]:
    return [format(getattr(work, amount), form) for amount in AMOUNTS]


def _percent(ours: int, other: int) -> str:
    return "equal" if ours == other else f"{ours / other - 1:+.3%}"
