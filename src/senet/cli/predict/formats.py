"""Predictions as lines: a table for reading, CSV for spreadsheets, JSON for machines; each line as it is known."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from senet.cli.common.tables import class_text, terminal
from senet.data.labels.labels import Labels
from senet.errors import DataError
from senet.inference.prediction import Guess
from senet.utils.files import csv_text
from senet.utils.text import csv_cell, printable

RowFormatter = Callable[[Iterable["PredictionRow"]], Iterator[str]]
WIDEST = 40  # cells of a terminal that a class may take before it is no column any more
NARROWEST = 20  # cells for the path of an image
NUMBER = "probability"


@dataclass(frozen=True)
class PredictionRow:
    """One image.

    Args:
        image: Its path as the user wrote it.
        guesses: The likeliest classes.
        error: Why there are none.
    """

    image: str
    guesses: tuple[Guess, ...]
    error: DataError | None


@dataclass(frozen=True)
class FormatOptions:
    """What a form has to know before the first row.

    Args:
        labels: Of the outputs.
        top: Guesses of an image.
        longest: Bytes of the longest path.
    """

    labels: Labels
    top: int
    longest: int


def table_formatter(shape: FormatOptions) -> RowFormatter:
    """Return the form for reading: image, class, probability; further guesses below the first."""
    labels = shape.labels
    names = [class_text(labels, number) for number in labels.numbers]
    room = terminal().width - len(NUMBER) - 4
    wide = max(min(max(map(cell_len, [*names, "class"])), WIDEST, room - NARROWEST), len("class"))
    first = max(min(room - wide, shape.longest), NARROWEST)

    def lines(rows: Iterable[PredictionRow]) -> Iterator[str]:
        yield f"{_fill('image', first)}  {_fill('class', wide)}  {NUMBER}"
        for row in rows:
            said = [
                line
                for guess in row.guesses
                for line in _class_lines(class_text(labels, guess.number), guess.probability, wide, room - first)
            ] or [f"! {printable(row.error.what)}" if row.error else ""]
            yield from _beside(printable(row.image), said, first)

    return lines


def _class_lines(name: str, probability: float, wide: int, room: int) -> list[str]:
    """Return a class and its probability, which stands below a name that would push it over the edge."""
    number = f"{probability:>{len(NUMBER)}.2%}"
    if cell_len(name) > max(wide, room):
        return [name, f"{_fill('', wide)}  {number}"]
    return [f"{_fill(name, wide)}  {number}"]


def _beside(image: str, said: list[str], first: int) -> Iterator[str]:
    if cell_len(image) > first:  # a path is never cut
        yield image
        image = ""
    for line in said:
        yield f"{_fill(image, first)}  {line}"
        image = ""


def _fill(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def csv_formatter(shape: FormatOptions) -> RowFormatter:
    """Return the form for spreadsheets: a row an image, three or four columns a guess."""
    labels, titled = shape.labels, any(shape.labels.titles)
    columns = ["class", *(["title"] if titled else []), "probability"]

    def lines(rows: Iterable[PredictionRow]) -> Iterator[str]:
        yield _line(["image", *(f"{column}_{i}" for i in range(1, shape.top + 1) for column in columns), "error"])
        for row in rows:
            cells = [cell for guess in row.guesses for cell in _cells(labels, guess, titled)]
            blank = [""] * (shape.top * len(columns) - len(cells))
            yield _line([csv_cell(row.image), *cells, *blank, csv_cell(row.error.what) if row.error else ""])

    return lines


def _cells(labels: Labels, guess: Guess, titled: bool) -> list[str]:
    title = [csv_cell(labels.title(guess.number))] if titled else []
    return [csv_cell(labels.name(guess.number)), *title, f"{guess.probability:.6f}"]


def _line(cells: list[str]) -> str:
    return csv_text(cells, ()).removesuffix("\n")


def json_formatter(shape: FormatOptions) -> RowFormatter:
    """Return the form for machines: an array, an object a line; names are exact, also where they are no text."""

    def lines(rows: Iterable[PredictionRow]) -> Iterator[str]:
        yield "["
        before = None
        for row in rows:
            if before is not None:
                yield f"{before},"
            before = json.dumps(_object(shape.labels, row))
        if before is not None:
            yield before
        yield "]"

    return lines


def _object(labels: Labels, row: PredictionRow) -> dict[str, object]:
    if row.error:
        return {"image": row.image, "error": row.error.what}
    return {"image": row.image, "guesses": [_guess(labels, guess) for guess in row.guesses]}


def _guess(labels: Labels, guess: Guess) -> dict[str, object]:
    title = labels.title(guess.number)
    called = {"title": title} if title else {}
    return {"class": labels.name(guess.number), **called, "output": guess.number, "probability": guess.probability}


FORMATS: dict[str, Callable[[FormatOptions], RowFormatter]] = {
    "table": table_formatter,
    "csv": csv_formatter,
    "json": json_formatter,
}
