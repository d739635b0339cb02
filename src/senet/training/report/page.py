"""The report of a run: one page that opens offline, made from what lies in its folder, finished or not."""

import csv
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from senet.data.unused import read_unused, unused_sentences
from senet.inference.confusion_file import CONFUSION, read_confusion
from senet.page.page import render_page, settings_rows, settings_tables
from senet.scores.confusion_figure import KEY, confusion_figures
from senet.scores.report import section_style
from senet.scores.section import score_section
from senet.training.report.figures import epoch_figures, step_figures
from senet.training.report.step_metrics import read_step_metrics
from senet.training.report.text import page_header, progress_text, verdicts
from senet.training.writer.failure import read_failure
from senet.training.writer.metrics import EpochRow
from senet.utils.files import write_text
from senet.utils.text import printable

SHOWN_CLASSES = 20
NO_CONFUSION = (
    f"No confusion matrix: {CONFUSION} is missing or cannot be read; "
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
    write_text(path, render_run_page(folder))
    return path


def render_run_page(folder: Path) -> str:
    """Return the page of a run."""
    said, result = _json(folder / "run.json"), _json(folder / "result.json")
    rows, steps = read_rows(folder / "results.csv"), read_step_metrics(folder / "metrics.jsonl")
    about, recipe = dict(said.get("about", {})), dict(said.get("recipe", {}))
    classes = list(about.pop("classes", []))
    read = read_confusion(folder / CONFUSION) if result else None
    classified = score_section(*read) if read else None
    lacking = [NO_CONFUSION] if result and not read else []  # a run of an earlier version, or a broken file
    groups = [
        ("By epoch", epoch_figures(rows)),
        ("By step", step_figures(steps)),
        ("", confusion_figures(classified) if classified else []),
    ]
    values = {
        "progress": progress_text(rows, steps, recipe),
        "verdicts": verdicts(rows, result, classified, len(classes)),
        "failure": read_failure(folder),
        "finished": bool(result),
        "noted": [*lacking, *unused_sentences(read_unused(result.get("unused", said.get("unused", []))))],
        "figure_groups": [(heading, [figure.key for figure in figures]) for heading, figures in groups if heading],
        "confusion": KEY,
        "classified": classified,
        "rows": rows,
        "best": result.get("best", {}).get("epoch"),
        "particulars": [
            ("Recipe", settings_rows(recipe)),
            *settings_tables("Network", about),
            ("Classes", [(str(len(classes)), ", ".join(map(printable, classes[:SHOWN_CLASSES])))] if classes else []),
            ("Environment", _environment(said)),
        ],
        "own_style": section_style(),
    }
    return render_page(
        "senet.training.report", page_header(said, steps), values, [one for _, figures in groups for one in figures]
    )


def read_rows(path: Path) -> list[EpochRow]:
    """Read ``results.csv``, empty where there is none."""
    if not path.exists():
        return []
    kinds: dict[str, Any] = {field.name: field.type for field in fields(EpochRow)}
    with path.open(newline="", encoding="utf-8") as file:
        return [EpochRow(**{name: kinds[name](text) for name, text in line.items()}) for line in csv.DictReader(file)]


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _environment(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    identity = said.get("identity", {})
    shown = {key: value for key, value in identity.items() if key.startswith("environment.") or key == "seed"}
    return settings_rows({key.removeprefix("environment."): value for key, value in shown.items()})
