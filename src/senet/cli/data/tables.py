"""What ``senet data check`` prints."""

from collections.abc import Iterator

from rich.text import Text

from senet.cli.common.tables import Cell, Column, Table, names, print_table, print_words, terminal
from senet.data.check.report import Report
from senet.utils.text import counted, printable

EXAMPLES = 5  # of each kind of finding; --json has all
STYLES = {"error": "red", "note": "dim"}


def print_report(report: Report) -> None:
    """Print the splits, the findings by kind, errors first, and what to do about each kind."""
    console = terminal()
    print_table(console, _splits(report))
    if not report.findings:
        print_words(console, "nothing to report")
        return
    print_table(console, Table(tuple(map(names, ("where", "", "kind", "what"))), list(_findings(report))))
    for kind, remedy in report.remedies().items():
        print_words(console, f"{kind}: {remedy}")


def _splits(report: Report) -> Table:
    numbers = ("classes", "images", "readable", "images a class")
    rows = [
        (one.name, *(f"{n:,}" for n in (one.classes, one.images, one.readable)), f"{one.least:,} to {one.most:,}")
        for one in report.splits
    ]
    title = f"{report.folder}: {counted(len(report.classes), 'class', 'classes')}"
    return Table((names("split"), *map(Column, numbers)), rows, title)


def _findings(report: Report) -> Iterator[tuple[Cell, ...]]:
    for kind, count in report.counts().items():
        found = [finding for finding in report.findings if finding.kind == kind]
        for finding in found[:EXAMPLES]:
            severity = Text(finding.severity, STYLES[finding.severity])
            yield printable(finding.path), severity, kind, printable(finding.detail)
        if count > EXAMPLES:
            yield f"and {count - EXAMPLES:,} more (--json lists all)", "", kind, ""
