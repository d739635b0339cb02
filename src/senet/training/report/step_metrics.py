"""What ``metrics.jsonl`` says of a run's steps, thinned so that a page of a long run stays small."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

POINTS = 2000


@dataclass(frozen=True)
class StepMetrics:
    """Points of all steps.

    Args:
        points: Loss (None where no step has one), learning rate and images per second by step.
        scales: (step's epoch, loss scale) wherever it changed.
        taken: How many steps there are.
        seconds: That all of them took.
    """

    points: tuple[dict[str, float | int | None], ...]
    scales: tuple[dict[str, float | int], ...]
    taken: int
    seconds: float


def read_step_metrics(path: Path) -> StepMetrics:
    """Read the file line by line: no more of it is in memory than the steps of one point.

    Args:
        path: Of a run; without it there are no points.
    """
    total, seconds, scales = 0, 0.0, list[list[Any]]()
    for line in _lines(path):
        total += "images" in line
        seconds += line.get("seconds", 0.0)
        scales = line.get("scales", scales)
    steps = (line for line in _lines(path) if "images" in line)
    width = max(-(-total // POINTS), 1)
    points = map(_point, iter(lambda: list(islice(steps, width)), []))
    changes = ({"epoch": epoch, "step": step, "scale": scale} for epoch, step, scale in scales)
    return StepMetrics(tuple(points), tuple(changes), total, seconds)


def _point(steps: Sequence[dict[str, Any]]) -> dict[str, float | int | None]:
    """Return steps as one point; those that were left out have no loss."""
    losses = [step["loss"] for step in steps if step["loss"] is not None]
    seconds = sum(step["seconds"] for step in steps)
    return {
        "step": steps[-1]["steps"],
        "loss": sum(losses) / len(losses) if losses else None,
        "lr": steps[-1]["lr"],
        "speed": sum(step["images"] for step in steps) / seconds if seconds else None,
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
