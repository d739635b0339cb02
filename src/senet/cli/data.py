"""``senet data``: look at a data set before anything is trained on it."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from senet.cli.image_bar import image_bar

if TYPE_CHECKING:
    from rich.console import Console

    from senet.data.record import Report

data = App(name="data", help="Look at data before training on it.")

EXAMPLES = 5  # of each kind of finding, in the table; --json has all


@data.command
def check(path: Path, *, workers: int = 0, json: bool = False) -> None:
    """Read every image of a data folder as training would, and report what would stop it or spoil its score.

    The folder holds train/<class>/*.jpg, and val/ or test/ beside it. Exit code 0 if there are no errors, 3 if there
    are. Nothing is changed; archives are not read.

    Three examples:

        senet data check photos
        senet data check photos --workers 8
        senet data check photos --json > findings.json

    Args:
        path: The folder that holds train/.
        workers: Processes that decode images; 0 for none but this.
        json: Print one JSON object, with every finding.
    """
    from senet.data.check import check as check_folder  # imports torch, which --help must not
    from senet.errors import DataError

    with image_bar() as watch:
        report = check_folder(path, workers=workers, watch=watch)
    if json:
        print(json_module.dumps(report.to_dict()))
    else:
        _print(report)
    if not report.clean:
        errors = sum(finding.severity == "error" for finding in report.findings)
        raise DataError(
            f"{errors:,} {'error' if errors == 1 else 'errors'}", where=report.folder, do="mend or remove these files"
        )


def _print(report: "Report") -> None:
    from rich.text import Text

    from senet.cli.tables import terminal

    console = terminal()
    _print_splits(console, report)
    if report.findings:
        _print_findings(console, report)
    else:
        console.print(Text("nothing to report"))


def _print_splits(console: "Console", report: "Report") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from senet.data.names import plain

    title = Text(f"{plain(report.folder)}: {len(report.classes)} classes")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for heading in ("split", "classes", "images", "readable", "images a class"):
        table.add_column(heading, justify="left" if heading == "split" else "right")
    for split in report.splits:
        row = (split.classes, split.images, split.readable)
        table.add_row(split.name, *(f"{n:,}" for n in row), f"{split.least:,} to {split.most:,}")
    console.print(table)


def _print_findings(console: "Console", report: "Report") -> None:
    """Print the findings by kind, errors first; names as plain text, whatever they hold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from senet.data.names import plain

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "kind", "where", "what"):
        table.add_column(heading, overflow="fold")
    for kind, count in report.counts().items():
        found = [finding for finding in report.findings if finding.kind == kind]
        for finding in found[:EXAMPLES]:
            style = "red" if finding.severity == "error" else "dim"
            cells = (finding.kind, plain(finding.path), plain(finding.detail))
            table.add_row(Text(finding.severity, style), *map(Text, cells))
        if count > EXAMPLES:
            table.add_row("", Text(kind), Text(f"and {count - EXAMPLES:,} more (--json lists all)"))
    console.print(table)
