"""The report of a run: one page that opens offline, made from what lies in its folder, finished or not."""

import csv
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from senet.data.unused import read_records, sentences
from senet.files import write_text
from senet.inference.score import accuracy_text
from senet.page.page import flat, render
from senet.text import plain
from senet.training.records import Row
from senet.training.report_figures import figures
from senet.training.report_steps import read_steps

SHOWN_CLASSES = 20


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
    values = {
        "title": f"{about.get('network', 'A network')} on {said.get('data', 'data')}",
        "epochs": recipe.get("epochs", len(rows)),
        "verdicts": _verdicts(rows, result, recipe, len(classes)),
        "unused": sentences(read_records(result.get("unused", said.get("unused", [])))),
        "rows": rows,
        "best": result.get("best", {}).get("epoch"),
        "particulars": [
            ("Recipe", flat(recipe)),
            ("Network", flat(about)),
            ("Classes", [(str(len(classes)), ", ".join(map(plain, classes[:SHOWN_CLASSES])))]),
            ("Environment", _environment(said)),
        ],
    }
    return render("senet.training", values, figures(rows, steps))


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


def _verdicts(rows: list[Row], result: Mapping[str, Any], recipe: Mapping[str, Any], classes: int) -> list[str]:
    """Say what the run reached, and what a reader should know of the number."""
    said = []
    if result:
        test, best = result["test"], result["best"]
        weights = "the average of the weights" if rows and rows[-1].weights == "average" else "the last epoch's weights"
        scores = f"test accuracy {accuracy_text(test['top1'], test['top5'], classes)}"
        said.append(f"{scores} on {test['images']:,} images, with {weights}")
        said.append(f"best validation accuracy {best['validation_top1']:.2f}% in epoch {best['epoch']}")
        if best["validation_images"] == test["images"] and best["validation_loss"] == test["loss"]:
            said.append("validation and test are the same images: the best epoch was chosen on the score's own")
    else:
        done = f"{len(rows)} of {recipe.get('epochs', '?')} epochs are done"
        said.append(f"this run is not finished: {done}; nothing was scored on the test images yet")
    if rows and rows[-1].skipped:
        said.append(f"{rows[-1].skipped} steps were left out because their loss or gradient was not finite")
    return said


def _environment(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    identity = said.get("identity", {})
    shown = {key: value for key, value in identity.items() if key.startswith("environment.") or key == "seed"}
    return flat({key.removeprefix("environment."): value for key, value in shown.items()})
