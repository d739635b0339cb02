"""The file that keeps what a model takes the images of a split for, with the names of the classes and their rates."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from senet.data.labels.labels import Labels
from senet.inference.confusion_matrix import ConfusionMatrix, average_metrics, from_dict
from senet.utils.files import csv_text
from senet.utils.text import csv_cell, nan_to_none

CONFUSION = "confusion.json"  # in the folder of a run


def output_labels(names: Sequence[str]) -> Labels:
    """Return the labels of classes that are the outputs, in their order."""
    return Labels(tuple(names), tuple(range(len(names))), ("",) * len(names))


def class_rows(found: ConfusionMatrix, labels: Labels) -> list[dict[str, Any]]:
    """Return name, output, counts and rates in percent of each class that has a name, JSON-ready."""
    counted = found.class_counts()
    rows = zip(labels.names, labels.numbers, labels.titles, strict=True)
    return [
        {
            "name": name,
            **({"title": title} if title else {}),
            "output": number,
            **asdict(counted[number]),
            **asdict(counted[number].rates),
        }
        for name, number, title in rows
    ]


def classes_csv(found: ConfusionMatrix, labels: Labels) -> str:
    """Return a row for each class that has a name, as CSV; shares in percent, ``n/a`` where there is none."""
    columns = ("class", "title", "output", "images", "predicted", "correct", "accuracy", "precision", "recall", "f1")
    return csv_text(columns, (_csv_row(row) for row in class_rows(found, labels)))


def _csv_row(row: Mapping[str, Any]) -> list[object]:
    named = csv_cell(row["name"]), csv_cell(row.get("title", "")), row["output"]
    counts = (row[name] for name in ("images", "predicted", "correct"))
    rates = (row[name] for name in ("recall", "precision", "recall", "f1"))
    return [*named, *counts, *("n/a" if rate is None else f"{rate:.4f}" for rate in rates)]


def average_rows(found: ConfusionMatrix) -> dict[str, dict[str, float | None]]:
    """Return both averages over the classes that have images, in percent, JSON-ready."""
    return {name: asdict(rates) for name, rates in average_metrics(found.class_counts()).items()}


def confusion_json(found: ConfusionMatrix, labels: Labels) -> str:
    """Return what the file says; what is computed of the rest is for its readers, and not read back."""
    computed = {"classes": class_rows(found, labels), "averages": average_rows(found)}
    return json.dumps(nan_to_none({**computed, **found.to_dict()}), separators=(",", ":")) + "\n"


def read_confusion(path: Path) -> tuple[ConfusionMatrix, Labels] | None:
    """Read the file; None where there is none, or it is another one."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        rows = [(str(row["name"]), int(row["output"]), str(row.get("title", ""))) for row in said["classes"]]
        return from_dict(_with_numbers(said)), Labels(*zip(*rows, strict=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _with_numbers(said: dict[str, Any]) -> dict[str, Any]:
    """Put NaN in place of null: JSON has no numbers that are not finite, and weights that diverged make some."""
    mistakes = [{key: math.nan if value is None else value for key, value in one.items()} for one in said["mistakes"]]
    return {**said, "mistakes": mistakes}
