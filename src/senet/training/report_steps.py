"""What ``metrics.jsonl`` says of a run's steps, thinned so that a page of a long run stays small."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POINTS = 2000


@dataclass
class Bin:
    """Steps that are drawn as one point.

    Args:
        step: The last of them.
        loss: Their losses' sum.
        counted: Steps that have a loss.
        lr: Of the last.
        images: Of all.
        seconds: Of all.
    """

    step: int = 0
    loss: float = 0.0
    counted: int = 0
    lr: float = 0.0
    images: int = 0
    seconds: float = 0.0

    def add(self, line: dict[str, Any]) -> None:
        """Take a step in; one that was left out has no loss."""
        self.step, self.lr = line["steps"], line["lr"]
        self.images, self.seconds = self.images + line["images"], self.seconds + line["seconds"]
        if line["loss"] is not None:
            self.loss, self.counted = self.loss + line["loss"], self.counted + 1


@dataclass(frozen=True)
class Steps:
    """Points of all steps.

    Args:
        points: Loss (None where no step has one), learning rate and images per second by step.
        scales: (step's epoch, loss scale) wherever it changed.
    """

    points: tuple[dict[str, float | int | None], ...]
    scales: tuple[dict[str, float | int], ...]


def read_steps(path: Path) -> Steps:
    """Read the file line by line: memory does not grow with its length.

    Args:
        path: Of a run; without it there are no points.
    """
    total = sum("lr" in line and "images" in line for line in _lines(path))
    width = max(-(-total // POINTS), 1)
    points: list[dict[str, float | int | None]] = []
    current, scales = Bin(), []
    for number, line in enumerate(_lines(path), start=1):
        if "scales" in line:
            scales = [{"epoch": epoch, "step": step, "scale": scale} for epoch, step, scale in line["scales"]]
        if "images" in line:
            current.add(line)
        if current.images and number % width == 0:
            points.append(_point(current))
            current = Bin()
    return Steps((*points, *([_point(current)] if current.images else [])), tuple(scales))


def _point(steps: Bin) -> dict[str, float | int | None]:
    return {
        "step": steps.step,
        "loss": steps.loss / steps.counted if steps.counted else None,
        "lr": steps.lr,
        "speed": steps.images / steps.seconds if steps.seconds else None,
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:  # a process that is killed may leave half of one
                continue
            if isinstance(line, dict):
                yield line
