"""A model's score on a split, whole and class by class."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from senet.errors import DataError
from senet.training.classifier import Classifier, require_finite
from senet.training.evaluation import Score, score

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import HeldOut


@dataclass(frozen=True)
class Hits:
    """How often a class was recognised.

    Args:
        images: Of the class, that were scored.
        correct: Of these, whose first guess is the class.
    """

    images: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        """In percent; None for a class without images."""
        return 100 * self.correct / self.images if self.images else None


@dataclass(frozen=True)
class Evaluated:
    """What a model reaches.

    Args:
        score: On all images that could be read.
        total: Images of the split, readable or not.
        classes: By output of the model.
    """

    score: Score
    total: int
    classes: tuple[Hits, ...]


def ignore(done: int, total: int) -> None:
    """Watch nothing."""


def score_by_class(
    made: Classifier, split: "HeldOut", outputs: int, watch: Callable[[int, int], None] = ignore
) -> Evaluated:
    """Score a model on a split; no image is replaced, and one that is left out shows in the numbers.

    Args:
        made: The model and its input.
        split: Images and classes.
        outputs: Of the model.
        watch: Is told (images done, images in all).

    Raises:
        DataError: An image that cannot be read, or none that can.
        WeightsError: The logits are not finite.
    """
    images, correct = (torch.zeros(outputs, dtype=torch.long) for _ in range(2))

    def see(logits: Tensor, labels: Tensor) -> None:
        require_finite(logits)
        hits = labels[logits.argmax(1) == labels]
        images.add_(torch.bincount(labels.cpu(), minlength=outputs))
        correct.add_(torch.bincount(hits.cpu(), minlength=outputs))

    measured = score(made.model, _watched(split, watch), made.transform.normalise, made.recipe, see)
    if not measured.images:
        raise DataError(f"none of the {len(split):,} images can be read", do="run senet data check")
    hits = tuple(Hits(*pair) for pair in zip(images.tolist(), correct.tolist(), strict=True))
    return Evaluated(measured, len(split), hits)


def _watched(split: "HeldOut", watch: Callable[[int, int], None]) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    for images, labels in split:
        yield images, labels
        done += len(labels)
        watch(done, len(split))
