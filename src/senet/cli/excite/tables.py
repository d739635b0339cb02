"""What ``senet excite`` prints."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from senet.cli.common.tables import Cell, Column, Table, print_line, print_table, print_wrapped, terminal, text_column
from senet.excitation.page.findings import findings
from senet.excitation.summary import Estimate, Excitation, GateSummary
from senet.utils.text import counted, nan_to_none, printable


def print_gates(found: Excitation, written: Sequence[Path]) -> None:
    """Print a row for each gate, what has to be known, and where the files are."""
    console = terminal()
    model, images = _heading(found)
    print_line(console, model)
    print_wrapped(console, images)
    console.print()
    print_table(console, _table(found.gates))
    for sentence in findings(found):
        print_wrapped(console, sentence)
    for note in found.notes:
        print_wrapped(console, f"note: {printable(note)}")
    for what, path in _files(written):
        print_line(console, f"{what}: {path}")


def _table(gates: Sequence[GateSummary]) -> Table:
    """Return two lines for each gate, so that long names have room in 80 columns."""
    numbers = map(Column, ("mean", "saturated", "specific\n95%", "rank"))
    return Table((text_column("gate\nvalues"), *numbers), list(map(_cells, gates)))


def _files(written: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield what was written, figures as one line."""
    for path in written:
        if path.suffix in (".html", ".csv"):
            yield {".html": "report", ".csv": "table"}[path.suffix], printable(path)
    figures = [path for path in written if path.suffix == ".svg"]
    if figures:
        yield counted(len(figures), "figure") + ", SVG and PDF", printable(figures[0].parent)


def _heading(found: Excitation) -> tuple[str, str]:
    images = sum(group.images for group in found.classes)
    without = sum(group.images == 0 for group in found.classes)
    empty = f", {without:,} of them without images" if without else ""
    classes = counted(len(found.classes), "class", "classes")
    left = f"; {counted(found.unreadable, 'image')} left out" if found.unreadable else ""
    shown = ", ".join(printable(group.name) for group in found.groups[1:])
    return (
        f"{found.title}: {found.where}",
        f"{printable(found.data)}: {counted(images, 'image')} of {classes}{empty}{left}; shown: {shown or 'none'}",
    )


def _cells(gate: GateSummary) -> list[Cell]:
    specific = gate.specificity
    values = " x ".join(map(str, gate.shape)) + {"channels": ""}.get(gate.kind, f" {gate.kind}")
    shares = _percent(gate.saturated), f"{_percent(specific.value)}\n{_interval(specific)}"
    return [Text(f"{printable(gate.name)}\n{values}"), _decimal(gate.mean), *shares, _rank(gate)]


def _decimal(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{share:.1%}"


def _interval(found: Estimate) -> str:
    return "" if math.isnan(found.low) else f"[{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _rank(gate: GateSummary) -> str:
    return "n/a" if math.isnan(gate.rank) else f"{gate.rank:.1f}"


def as_json(found: Excitation, folder: Path) -> str:
    """Return all but pictures as one JSON object, with null where there is no number."""
    values = {key: value for key, value in asdict(found).items() if key != "pictures"}
    return json.dumps({**nan_to_none(values), "folder": str(folder)})
