"""The files that grow with a run: ``results.csv``, a row per epoch, and ``metrics.jsonl``, a line per step."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from senet.utils.files import csv_text, write_text


@dataclass(frozen=True)
class EpochRow:
    """What one epoch measured: nothing that a clock says, so that equal runs have equal rows.

    Args:
        epoch: From 1.
        steps: Of the whole run so far.
        lr: Of the epoch's last step.
        loss: Mean training loss of the steps that were taken.
        validation_loss: Mean cross entropy.
        validation_top1: In percent.
        validation_top5: In percent.
        validation_images: Scored.
        skipped: Steps of the whole run so far that moved no weight.
        weights: ``average`` or ``last``: which were evaluated.
    """

    epoch: int
    steps: int
    lr: float
    loss: float
    validation_loss: float
    validation_top1: float
    validation_top5: float
    validation_images: int
    skipped: int
    weights: str


def write_rows(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write ``results.csv`` whole, so that rows past the checkpoint that a run continues from are cut.

    Raises:
        ResourceError: It cannot be written; the old one stays.
    """
    write_text(path, csv_text((field.name for field in fields(EpochRow)), (asdict(row).values() for row in rows)))


class JsonlWriter:
    """Appends JSON lines; what a full disk refuses is kept and written later.

    Args:
        path: The file.
        steps: Lines of a later step are cut, as is a torn last line.
    """

    def __init__(self, path: Path, steps: int) -> None:
        self.path = path
        self.pending: list[str] = []
        write_text(path, "".join(f"{line}\n" for line in _whole(path) if json.loads(line)["steps"] <= steps))

    def add(self, steps: int, values: Mapping[str, Any]) -> None:
        """Append a line, or keep it for the next time."""
        self.pending.append(json.dumps({"steps": steps, **values}))
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self.pending)
            self.pending.clear()
        except OSError:
            if self.path.exists():
                os.truncate(self.path, size)


def _whole(path: Path) -> Iterable[str]:
    """Yield the lines that are whole; a process that is killed may leave half of one."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            if isinstance(json.loads(line)["steps"], int):
                yield line
        except (ValueError, KeyError, TypeError):
            return
