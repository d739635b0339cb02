"""What ``senet data check`` prints."""

from collections.abc import Iterator

from rich.text import Text

from senet.cli.common.tables import Cell, Column, Table, print_table, print_wrapped, terminal, text_column
from senet.data.check.report import CheckReport
from senet.utils.text import counted, printable

MAX_EXAMPLES = 5  # of each kind of finding; --json has all
STYLES = {"error": "red", "note": "dim"}


def print_check_report(report: CheckReport) -> None:
    """Print the splits, the findings by kind, errors first, and what to do about each kind."""
    console = terminal()
    print_table(console, _splits(report))
    if not report.findings:
        print_wrapped(console, "nothing to report")
        return
    print_table(console, Table(tuple(map(text_column, ("where", "", "kind", "what"))), list(_findings(report))))
    for kind, remedy in report.remedies().items():
        print_wrapped(console, f"{kind}: {remedy}")


def _splits(report: CheckReport) -> Table:
    numbers = ("classes", "images", "readable", "images a class")
    rows = [
        (one.name, *(f"{n:,}" for n in (one.classes, one.images, one.readable)), f"{one.least:,} to {one.most:,}")
        for one in report.splits
    ]
    title = f"{report.folder}: {counted(len(report.classes), 'class', 'classes')}"
    return Table((text_column("split"), *map(Column, numbers)), rows, title)


def _findings(report: CheckReport) -> Iterator[tuple[Cell, ...]]:
    for kind, count in report.counts().items():
        found = [finding for finding in report.findings if finding.kind == kind]
        for finding in found[:MAX_EXAMPLES]:
            severity = Text(finding.severity, STYLES[finding.severity])
            yield printable(finding.path), severity, kind, printable(finding.detail)
        if count > MAX_EXAMPLES:
            yield f"and {count - MAX_EXAMPLES:,} more (--json lists all)", "", kind, ""
