"""What ``senet evaluate`` prints and writes."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from senet.cli.tables import called, empty_table, terminal
from senet.data.labels import Labels
from senet.data.unused import Unused
from senet.files import csv_text, write_text
from senet.inference.score import Evaluated, Hits
from senet.models.load import LoadedModel
from senet.text import counted, csv_cell, plain

MANY = 20  # classes; of more, the worst are shown
WORST = 10


def print_tables(opened: LoadedModel, data: str, found: Evaluated, labels: Labels, csv: Path | None) -> None:
    """Print what was scored, the score, and the classes, or the worst of many."""
    console = terminal()
    for line in _heading(opened, data, found):
        console.print(Text(line), soft_wrap=True)
    console.print(_whole(found, opened.outputs))
    _print_classes(console, found, labels)
    if csv:
        console.print(Text(f"all classes: {plain(csv)}"), soft_wrap=True)


def _heading(opened: LoadedModel, data: str, found: Evaluated) -> list[str]:
    transform, precision, said = opened.transform, opened.classifier.compute.precision, opened.metadata
    height, width = transform.size
    trained = "" if said.epoch is None else f", epoch {said.epoch}"
    averaged = ", averaged weights" if said.averaged else ""
    return [
        f"{plain(opened.title)}{trained}{averaged}: {plain(opened.where)}",
        f"{plain(data)}: {found.total:,} images; input {transform.channels} x {height} x {width}, {precision}",
    ]


def _whole(found: Evaluated, outputs: int) -> Table:
    score = found.score
    table = empty_table("", "top-1", "top-5", "loss", "images", names=())
    count = f"{score.images:,}" if score.images == found.total else f"{score.images:,} of {found.total:,}"
    table.add_row(_percent(score.top1), _percent(_top5(found, outputs)), f"{score.loss:.4f}", count)
    return table


def _top5(found: Evaluated, outputs: int) -> float | None:
    """Return top-5 accuracy; among five classes or fewer it says nothing."""
    return found.score.top5 if outputs > 5 else None


def _print_classes(console: Console, found: Evaluated, labels: Labels) -> None:
    rows = [(number, found.classes[number]) for number in labels.numbers]
    seen = [(number, hits) for number, hits in rows if hits.images]
    many = len(rows) > MANY
    if many:
        said = f"the {min(WORST, len(seen))} worst of {len(seen):,} classes with images (--csv FILE writes all)"
        console.print(Text(said), soft_wrap=True)
        rows = sorted(seen, key=lambda row: row[1].accuracy or 0)[:WORST]
    table = empty_table("", "accuracy", "correct", "images", names=("class",))
    for number, hits in rows:
        cells = (_percent(hits.accuracy), f"{hits.correct:,}", f"{hits.images:,}")
        table.add_row(Text(called(labels, number)), *cells)
    console.print(table)
    without = len(labels.numbers) - len(seen)
    if without and many:
        console.print(Text(f"{counted(without, 'class has', 'classes have')} no images here: n/a"))


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}%"


def write_csv(path: Path, found: Evaluated, labels: Labels) -> None:
    """Write a row for each class; accuracy in percent, ``n/a`` for a class without images."""
    columns = ("class", "title", "output", "images", "correct", "accuracy")
    rows = []
    for name, number, title in zip(labels.names, labels.numbers, labels.titles, strict=True):
        hits = found.classes[number]
        accuracy = "n/a" if hits.accuracy is None else f"{hits.accuracy:.4f}"
        rows.append([csv_cell(name), csv_cell(title), number, hits.images, hits.correct, accuracy])
    write_text(path, csv_text(columns, rows), "--csv")


def as_json(opened: LoadedModel, data: str, found: Evaluated, labels: Labels, unused: Iterable[Unused] = ()) -> str:
    """Return everything as one JSON object; accuracies in percent, null where there are no images."""
    numbers = zip(labels.names, labels.numbers, labels.titles, strict=True)
    values = {
        "weights": opened.where,
        "notes_on_weights": list(opened.notes),
        "model": opened.title,
        "data": data,
        "images": found.score.images,
        "images_in_all": found.total,
        "top1": found.score.top1,
        "top5": _top5(found, opened.outputs),
        "loss": found.score.loss,
        "unused": [asdict(one) for one in unused],
        "precision": opened.classifier.compute.precision,
        "input_transform": asdict(opened.transform),
        "classes": [_class(name, number, title, found.classes[number]) for name, number, title in numbers],
    }
    return json.dumps(values)


def _class(name: str, number: int, title: str, hits: Hits) -> dict[str, object]:
    called = {"title": title} if title else {}
    return {"name": name, **called, "output": number, **asdict(hits), "accuracy": hits.accuracy}
