"""What a model takes images for: which class for which, how good it is at each, and where it is furthest from right."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

AVERAGES = ("macro", "weighted")
PICTURE = re.compile(r"(data:image/png;base64,[A-Za-z0-9+/=]*)?")


@dataclass(frozen=True)
class Mistake:
    """An image that is not recognised.

    Args:
        name: Its own within the data; empty where nobody says.
        true: The output of its class.
        predicted: The output of the first guess.
        probability: Of the first guess, by the softmax of the logits, 0 to 1.
        probability_of_true: Of its class.
        loss: Cross entropy.
        picture: The network's input before it is normalised, as a data URI; empty where it cannot be shown.
    """

    name: str
    true: int
    predicted: int
    probability: float
    probability_of_true: float
    loss: float
    picture: str


@dataclass(frozen=True)
class ClassMetrics:
    """How well a class, or classes on average, are recognised, in percent; None where nothing is divided by nothing.

    Args:
        precision: Images of the class among those that are taken for it.
        recall: Images that are taken for the class among those of it; of one class, its accuracy.
        f1: The harmonic mean of both, which is 0 where one is undefined and the other is not.
    """

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassCounts:
    """What is counted of one class.

    Args:
        images: Of the class.
        predicted: Images that are taken for it.
        correct: Images that are both.
    """

    images: int
    predicted: int
    correct: int

    @property
    def rates(self) -> ClassMetrics:
        """Precision, recall and F1."""
        pairs = (self.correct, self.predicted), (self.correct, self.images), (2 * self.correct, self._either)
        return ClassMetrics(*(100 * part / whole if whole else None for part, whole in pairs))

    @property
    def _either(self) -> int:
        return self.images + self.predicted


@dataclass(frozen=True)
class ConfusionMatrix:
    """What a model took the images of a split for.

    Args:
        outputs: Of the model.
        pairs: (class, first guess, images), ascending, of all pairs that there are.
        mistakes: The images of the greatest loss among those that are not recognised, the greatest first.
    """

    outputs: int
    pairs: tuple[tuple[int, int, int], ...]
    mistakes: tuple[Mistake, ...]

    @property
    def confused(self) -> list[tuple[int, int, int]]:
        """The pairs of two classes, those of most images first."""
        return sorted((pair for pair in self.pairs if pair[0] != pair[1]), key=lambda pair: -pair[2])

    def class_counts(self) -> list[ClassCounts]:
        """Count by output."""
        images, predicted, correct = ([0] * self.outputs for _ in range(3))
        for true, guess, count in self.pairs:
            images[true] += count
            predicted[guess] += count
            correct[true] += count * (true == guess)
        return [ClassCounts(*counts) for counts in zip(images, predicted, correct, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def average_metrics(classes: Sequence[ClassCounts]) -> dict[str, ClassMetrics]:
    """Return the rates of the classes that have images: their mean, and one that weighs each class by its images.

    A precision that is undefined, of a class that no image is taken for, counts as 0. These are scikit-learn's averages
    with ``zero_division=0`` and the classes that have images as ``labels``.

    Args:
        classes: At least one has images.
    """
    seen = [of for of in classes if of.images]
    weights = {"macro": [1] * len(seen), "weighted": [of.images for of in seen]}
    rates = [of.rates for of in seen]
    return {name: ClassMetrics(*(_mean(column, weights[name]) for column in _columns(rates))) for name in AVERAGES}


def _columns(rates: Sequence[ClassMetrics]) -> list[list[float]]:
    return [[getattr(each, name) or 0.0 for each in rates] for name in ("precision", "recall", "f1")]


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def from_dict(said: Any) -> ConfusionMatrix:
    """Read what :meth:`ConfusionMatrix.to_dict` made.

    Raises:
        KeyError: It is something else, as are the two that follow.
        TypeError: See above.
        ValueError: See above.
    """
    pairs = tuple((int(true), int(guess), int(count)) for true, guess, count in said["pairs"])
    mistakes = tuple(Mistake(**one) for one in said["mistakes"])
    if not all(PICTURE.fullmatch(mistake.picture) for mistake in mistakes):
        raise ValueError("it is no picture")
    outputs = int(said["outputs"])
    numbers = [number for pair in pairs for number in pair[:2]] + [n for m in mistakes for n in (m.true, m.predicted)]
    if not all(0 <= number < outputs for number in numbers):
        raise ValueError("a class is none of the outputs")
    return ConfusionMatrix(outputs, pairs, mistakes)
