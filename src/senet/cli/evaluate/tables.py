"""What ``senet evaluate`` prints and writes."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from senet.cli.common.tables import Column, Table, called, names, print_line, print_table, print_words, terminal
from senet.cli.evaluate.run import Done
from senet.data.labels.labels import Labels
from senet.inference.confusion_file import average_rows, class_rows
from senet.inference.confusion_matrix import ClassMetrics, ConfusionMatrix, average_metrics
from senet.inference.score import EvaluationResult
from senet.models.load import LoadedModel
from senet.utils.text import counted, plain

MANY = 20  # classes; of more, the worst are shown
WORST = 10


def print_tables(done: Done, csv: Path | None, report: Path | None) -> None:
    """Print what was scored, the score, and the classes, or the worst of many."""
    console = terminal()
    model, images = _heading(done.opened, done.data, done.found)
    print_line(console, model)
    print_words(console, images)
    console.print()
    print_table(console, _whole(done.found, done.opened.outputs))
    _print_classes(console, done.classified, done.labels)
    for name, path in (("all classes", csv), ("report", report)):
        if path:
            print_line(console, f"{name}: {plain(path)}")


def _heading(opened: LoadedModel, data: str, found: EvaluationResult) -> tuple[str, str]:
    transform, precision, said = opened.transform, opened.classifier.compute.precision, opened.metadata
    height, width = transform.size
    trained = "" if said.epoch is None else f", epoch {said.epoch}"
    averaged = ", averaged weights" if said.averaged else ""
    return (
        f"{plain(opened.title)}{trained}{averaged}: {plain(opened.where)}",
        f"{plain(data)}: {counted(found.total, 'image')}; input {transform.channels} x {height} x {width}, {precision}",
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
    many = len(rows) > MANY
    if many:
        said = f"the {min(WORST, len(seen))} worst of {len(seen):,} classes with images (--csv FILE writes all)"
        print_words(console, said)
        rows = sorted(seen, key=lambda row: row[1].rates.recall or 0)[:WORST]
    cells = [(called(labels, number), *_rates(of.rates), f"{of.correct:,}", f"{of.images:,}") for number, of in rows]
    cells += [(f"{name} average", *_rates(rates), "", "") for name, rates in average_metrics(counts).items()]
    print_table(
        console, Table((names("class"), *map(Column, ("recall", "precision", "F1", "correct", "images"))), cells)
    )
    without = len(labels.numbers) - len(seen)
    if without and many:
        print_words(console, f"{counted(without, 'class has', 'classes have')} no images here: n/a")


def _rates(rates: ClassMetrics) -> list[str]:
    return [_percent(value) for value in (rates.recall, rates.precision, rates.f1)]


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}%"


def as_json(done: Done) -> str:
    """Return everything as one JSON object; shares in percent, null where there are no images."""
    opened, found = done.opened, done.found
    values = {
        "weights": opened.where,
        "notes_on_weights": list(opened.notes),
        "model": opened.title,
        "data": done.data,
        "images": found.score.images,
        "images_in_all": found.total,
        "top1": found.score.top1,
        "top5": _top5(found, opened.outputs),
        "loss": found.score.loss,
        "unused": [asdict(one) for one in done.unused],
        "precision": opened.classifier.compute.precision,
        "input_transform": asdict(opened.transform),
        "averages": average_rows(done.classified),
        "classes": [{**row, "accuracy": row["recall"]} for row in class_rows(done.classified, done.labels)],
    }
    return json.dumps(values)
