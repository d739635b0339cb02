"""Which classes, pairs and images a page shows of a classifier, and what it calls them."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from senet.data.labels.labels import Labels
from senet.inference.confusion_file import classes_csv
from senet.inference.confusion_matrix import ClassCounts, ClassMetrics, ConfusionMatrix, Mistake, average_metrics
from senet.inference.score import Score
from senet.page.head import Verdict
from senet.utils.text import counted, printable

OTHERS = "all others"  # at the axes of a figure that does not show all classes
MANY = 20  # classes that a figure shows
ROWS = 50  # classes that the table shows; of more, the worst
PAIRS = 12
SHORT = 14  # characters of a name that stands at an axis
TINY = 48  # pixels of a picture's longer side up to which each is to be seen


@dataclass(frozen=True)
class ClassRow:
    """A class in the table.

    Args:
        number: Of its output.
        name: What it is called.
        counts: Its counts.
        taken_for: (name, images) of the class that most of its images are wrongly taken for; None where none is.
    """

    number: int
    name: str
    counts: ClassCounts
    taken_for: tuple[str, int] | None


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes of which one is taken for the other.

    Args:
        true: The class.
        guess: What its images are taken for.
        images: How many.
        share: Of the class, in percent.
    """

    true: str
    guess: str
    images: int
    share: float


@dataclass(frozen=True)
class WorstError:
    """An image that is not recognised.

    Args:
        mistake: What was noted.
        true: Name of its class.
        guess: Name of the first guess.
        tiny: Whether its picture is so small that its pixels are to be seen.
    """

    mistake: Mistake
    true: str
    guess: str
    tiny: bool


@dataclass(frozen=True)
class ScoreSection:
    """What a page shows of a classifier.

    Args:
        found: All of it.
        rows: Classes, by output; of many the worst, the worst first.
        all_rows: How many classes there are in all.
        averages: Of the classes that have images.
        pairs: Those of the most images.
        all_pairs: How many pairs there are in all.
        errors: The worst.
        all_errors: Images that are not recognised.
        marks: What the classes in the figure are called at its axes, by output.
        key: (mark, name) of those classes whose marks are no names.
        csv: All classes.
    """

    found: ConfusionMatrix
    rows: tuple[ClassRow, ...]
    all_rows: int
    averages: tuple[tuple[str, ClassMetrics], ...]
    pairs: tuple[ConfusedPair, ...]
    all_pairs: int
    errors: tuple[WorstError, ...]
    all_errors: int
    marks: dict[int, str]
    key: tuple[tuple[str, str], ...]
    csv: str


def score_section(found: ConfusionMatrix, labels: Labels) -> ScoreSection:
    """Choose and name.

    Args:
        found: What was taken for what; there is an image.
        labels: What the outputs are called.
    """
    counts, confused = found.class_counts(), found.confused
    rows = _rows(found, labels)
    marks = _marks(_in_figure(found), labels)
    names = {number: class_title(labels, number) for number in marks}
    return ScoreSection(
        found=found,
        rows=rows if len(rows) <= ROWS else _worst(rows),
        all_rows=len(rows),
        averages=tuple(average_metrics(counts).items()),
        pairs=tuple(_pair(labels, pair, counts[pair[0]].images) for pair in confused[:PAIRS]),
        all_pairs=len(confused),
        errors=tuple(_error(labels, mistake) for mistake in found.mistakes),
        all_errors=sum(images for *_, images in confused),
        marks=marks,
        key=tuple((marks[number], name) for number, name in names.items() if marks[number] != name),
        csv=classes_csv(found, labels),
    )


def class_title(labels: Labels, number: int) -> str:
    """Return what people call an output, else its name."""
    return printable(labels.title(number) or labels.name(number))


def _rows(found: ConfusionMatrix, labels: Labels) -> tuple[ClassRow, ...]:
    """Return a row for each class that has a name, or that an image is of or taken for."""
    first: dict[int, tuple[str, int]] = {}
    for true, guess, images in found.confused:
        first.setdefault(true, (class_title(labels, guess), images))
    counts, known = found.class_counts(), set(labels.numbers)
    numbers = (number for number, of in enumerate(counts) if number in known or of.images or of.predicted)
    return tuple(ClassRow(n, class_title(labels, n), counts[n], first.get(n)) for n in numbers)


def _worst(rows: Sequence[ClassRow]) -> tuple[ClassRow, ...]:
    seen = [row for row in rows if row.counts.images]
    return tuple(sorted(seen, key=lambda row: row.counts.rates.f1 or 0.0)[:ROWS])


def _in_figure(found: ConfusionMatrix) -> list[int]:
    """Return the outputs that a figure shows, ascending: all, or those that the most confused pairs are of."""
    confused = (number for true, guess, _ in found.confused for number in (true, guess))
    seen = dict.fromkeys((*confused, *(true for true, *_ in found.pairs)))
    return sorted(list(seen)[:MANY])


def _marks(numbers: Sequence[int], labels: Labels) -> dict[int, str]:
    """Return names where all of them are short and differ, else the numbers of the outputs."""
    names = [class_title(labels, number) for number in numbers]
    fit = len({*names, OTHERS}) == len(names) + 1 and all(len(name) <= SHORT for name in names)
    return dict(zip(numbers, names if fit else map(str, numbers), strict=True))


def _pair(labels: Labels, pair: tuple[int, int, int], images: int) -> ConfusedPair:
    true, guess, count = pair
    return ConfusedPair(class_title(labels, true), class_title(labels, guess), count, 100 * count / images)


def _error(labels: Labels, mistake: Mistake) -> WorstError:
    names = class_title(labels, mistake.true), class_title(labels, mistake.predicted)
    return WorstError(mistake, *names, max(_size(mistake.picture)) <= TINY)


def _size(picture: str) -> tuple[int, int]:
    """Return width and height, which a PNG has in its bytes 16 to 23."""
    head = base64.b64decode(picture.partition(",")[2][:32])
    return struct.unpack(">II", head[16:24]) if len(head) >= 24 else (0, 0)


def accuracy_verdict(score: Score, outputs: int, noun: str, more: str) -> Verdict:
    """Say how many images are recognised.

    Args:
        score: Of them.
        outputs: Of the network; among five or fewer, top-5 says nothing.
        noun: What an image is called.
        more: What else is to be known of the number, a sentence; empty if nothing.
    """
    five = f"Top-5 {score.top5:.2f}%. " if outputs > 5 else ""
    sentence = f"The network classifies {score.top1:.2f}% of {counted(score.images, noun)} correctly."
    return Verdict(sentence, f"{five}Loss {score.loss:.4f}. {more}".rstrip())


def confusion_verdict(shown: ScoreSection) -> Verdict:
    """Say which two classes are confused most, and what the rates are on average; there is an error."""
    pair = shown.pairs[0]
    sentence = f"Most often it takes {pair.true} for {pair.guess}: {counted(pair.images, 'image')}."
    said = "; ".join(f"{name} average: {_rates(rates)}" for name, rates in shown.averages)
    return Verdict(sentence, f"{said[:1].upper()}{said[1:]}.")


def _rates(rates: ClassMetrics) -> str:
    shown = {"precision": rates.precision, "recall": rates.recall, "F1": rates.f1}
    return ", ".join(f"{name} {value:.2f}%" for name, value in shown.items() if value is not None)
