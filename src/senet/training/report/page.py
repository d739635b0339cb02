"""The report of a run: one page that opens offline, made from what lies in its folder, finished or not."""

import csv
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from senet.data.unused import read_records, sentences
from senet.inference.confusion import CONFUSION, read_confusion
from senet.page.page import flat, render, tables
from senet.scores.confusion_figure import KEY, confusion
from senet.scores.report import style
from senet.scores.shown import shown
from senet.training.report.figures import by_epoch, by_step
from senet.training.report.step_metrics import read_steps
from senet.training.report.words import head, progress, verdicts
from senet.training.writer.failure import read_failure
from senet.training.writer.metrics import Row
from senet.utils.files import write_text
from senet.utils.text import printable

SHOWN_CLASSES = 20
NO_CONFUSION = (
    f"What is taken for what is not shown, for {CONFUSION} is missing or cannot be read; "
    "senet evaluate WEIGHTS --data SOURCE --report FILE.html writes it."
)


def write_report(folder: Path) -> Path:
    """Write ``report.html`` of a run's folder; what the folder does not hold yet is left out.

    Args:
        folder: Of a run.

    Raises:
        ResourceError: It cannot be written.
    """
    path = folder / "report.html"
    write_text(path, page(folder))
    return path


def page(folder: Path) -> str:
    """Return the page of a run."""
    said, result = _json(folder / "run.json"), _json(folder / "result.json")
    rows, steps = read_rows(folder / "results.csv"), read_steps(folder / "metrics.jsonl")
    about, recipe = dict(said.get("about", {})), dict(said.get("recipe", {}))
    classes = list(about.pop("classes", []))
    read = read_confusion(folder / CONFUSION) if result else None
    classified = shown(*read) if read else None
    lacking = [NO_CONFUSION] if result and not read else []  # a run of an earlier version, or a broken file
    groups = [
        ("By epoch", by_epoch(rows)),
        ("By step", by_step(steps)),
        ("", confusion(classified) if classified else []),
    ]
    values = {
        "progress": progress(rows, steps, recipe),
        "verdicts": verdicts(rows, result, classified, len(classes)),
        "failure": read_failure(folder),
        "finished": bool(result),
        "noted": [*lacking, *sentences(read_records(result.get("unused", said.get("unused", []))))],
        "figure_groups": [(heading, [figure.key for figure in figures]) for heading, figures in groups if heading],
        "confusion": KEY,
        "classified": classified,
        "rows": rows,
        "best": result.get("best", {}).get("epoch"),
        "particulars": [
            ("Recipe", flat(recipe)),
            *tables("Network", about),
            ("Classes", [(str(len(classes)), ", ".join(map(printable, classes[:SHOWN_CLASSES])))] if classes else []),
            ("Environment", _environment(said)),
        ],
        "own_style": style(),
    }
    return render("senet.training.report", head(said, steps), values, [one for _, figures in groups for one in figures])


def read_rows(path: Path) -> list[Row]:
    """Read ``results.csv``, empty where there is none."""
    if not path.exists():
        return []
    kinds: dict[str, Any] = {field.name: field.type for field in fields(Row)}
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**{name: kinds[name](text) for name, text in line.items()}) for line in csv.DictReader(file)]


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _environment(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    identity = said.get("identity", {})
    shown = {key: value for key, value in identity.items() if key.startswith("environment.") or key == "seed"}
    return flat({key.removeprefix("environment."): value for key, value in shown.items()})
