"""What ``senet evaluate`` prints and writes."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from senet.cli.common.tables import (
    Column,
    Table,
    class_text,
    print_line,
    print_table,
    print_wrapped,
    terminal,
    text_column,
)
from senet.cli.evaluate.run import EvaluateReport
from senet.data.labels.labels import Labels
from senet.inference.confusion_file import average_rows, class_rows
from senet.inference.confusion_matrix import ClassMetrics, ConfusionMatrix, average_metrics
from senet.inference.score import EvaluationResult
from senet.models.load import LoadedModel
from senet.utils.text import counted, printable

MANY_CLASSES = 20  # classes; of more, the worst are shown
SHOWN_WORST = 10


def print_tables(result: EvaluateReport, csv: Path | None, report: Path | None) -> None:
    """Print what was scored, the score, and the classes, or the worst of many."""
    console = terminal()
    model, images = _heading(result.loaded, result.data, result.found)
    print_line(console, model)
    print_wrapped(console, images)
    console.print()
    print_table(console, _whole(result.found, result.loaded.outputs))
    _print_classes(console, result.classified, result.labels)
    for name, path in (("all classes", csv), ("report", report)):
        if path:
            print_line(console, f"{name}: {printable(path)}")


def _heading(loaded: LoadedModel, data: str, found: EvaluationResult) -> tuple[str, str]:
    transform, precision, said = loaded.transform, loaded.classifier.compute.precision, loaded.metadata
    height, width = transform.size
    trained = "" if said.epoch is None else f", epoch {said.epoch}"
    averaged = ", averaged weights" if said.averaged else ""
    return (
        f"{printable(loaded.title)}{trained}{averaged}: {printable(loaded.where)}",
        f"{printable(data)}: {counted(found.total, 'image')}; "
        f"input {transform.channels} x {height} x {width}, {precision}",
    )


def _whole(found: EvaluationResult, outputs: int) -> Table:
    score = found.score
    count = f"{score.images:,}" if score.images == found.total else f"{score.images:,} of {found.total:,}"
    row = _percent(score.top1), _percent(_top5(found, outputs)), f"{score.loss:.4f}", count
    return Table(tuple(map(Column, ("top-1", "top-5", "loss", "images"))), [row])


def _top5(found: EvaluationResult, outputs: int) -> float | None:
    """Return top-5 accuracy; among five classes or fewer it says nothing."""
    return found.score.top5 if outputs > 5 else None


def _print_classes(console: Console, found: ConfusionMatrix, labels: Labels) -> None:
    counts = found.class_counts()
    rows = [(number, counts[number]) for number in labels.numbers]
    seen = [(number, of) for number, of in rows if of.images]
    many = len(rows) > MANY_CLASSES
    if many:
        said = f"the {min(SHOWN_WORST, len(seen))} worst of {len(seen):,} classes with images (--csv FILE writes all)"
        print_wrapped(console, said)
        rows = sorted(seen, key=lambda row: row[1].rates.recall or 0)[:SHOWN_WORST]
    cells = [
        (class_text(labels, number), *_rates(of.rates), f"{of.correct:,}", f"{of.images:,}") for number, of in rows
    ]
    cells += [(f"{name} average", *_rates(rates), "", "") for name, rates in average_metrics(counts).items()]
    print_table(
        console, Table((text_column("class"), *map(Column, ("recall", "precision", "F1", "correct", "images"))), cells)
    )
    without = len(labels.numbers) - len(seen)
    if without and many:
        print_wrapped(console, f"{counted(without, 'class has', 'classes have')} no images here: n/a")


def _rates(rates: ClassMetrics) -> list[str]:
    return [_percent(value) for value in (rates.recall, rates.precision, rates.f1)]


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}%"


def as_json(result: EvaluateReport) -> str:
    """Return everything as one JSON object; shares in percent, null where there are no images."""
    loaded, found = result.loaded, result.found
    values = {
        "weights": loaded.where,
        "notes_on_weights": list(loaded.notes),
        "model": loaded.title,
        "data": result.data,
        "images": found.score.images,
        "images_in_all": found.total,
        "top1": found.score.top1,
        "top5": _top5(found, loaded.outputs),
        "loss": found.score.loss,
        "unused": [asdict(one) for one in result.unused],
        "precision": loaded.classifier.compute.precision,
        "input_transform": asdict(loaded.transform),
        "averages": average_rows(result.classified),
        "classes": [{**row, "accuracy": row["recall"]} for row in class_rows(result.classified, result.labels)],
    }
    return json.dumps(values)
