"""A model's score on a split, whole and class by class."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from senet.errors import DataError
from senet.training.classifier import Classifier, require_finite
from senet.training.evaluation import Score, Tally, added, tallies
from senet.training.relay import Relay
from senet.training.team import ALONE, Team

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


@dataclass(frozen=True)
class Counted:
    """What a rank counted on its share of a split.

    Args:
        tallies: Of its batches.
        total: Images of the share, readable or not.
        images: Of each class, (outputs,) int64.
        correct: Of these, whose first guess is the class, (outputs,) int64.
    """

    tallies: tuple[Tally, ...]
    total: int
    images: Tensor
    correct: Tensor


def ignore(done: int, total: int) -> None:
    """Watch nothing."""


def score_by_class(
    made: Classifier,
    split: "HeldOut",
    outputs: int,
    watch: Callable[[int, int], None] = ignore,
    team: Team = ALONE,
) -> Evaluated:
    """Score a model on a split; no image is replaced, and one that is left out shows in the numbers.

    Several ranks that have the batches of one process find its numbers to the last bit, as far as a batch's logits
    are the same on all: on devices of one kind, with as many threads.

    Args:
        made: The model and its input.
        split: Images and classes; of several ranks, this one's share.
        outputs: Of the model.
        watch: Is told (images done, images in all) of this rank.
        team: The ranks that score together; each calls this function, and gets the numbers of all.

    Raises:
        DataError: An image that cannot be read, or none that can.
        WeightsError: The logits are not finite.
    """
    with Relay(team) as relay:
        mine = _counted(made, _watched(split, watch), outputs, len(split))
        relay.pass_on()
    found = team.everyone(mine)
    return team.from_first(lambda: _evaluated(found))


def _counted(made: Classifier, batches: Iterator[tuple[Tensor, Tensor]], outputs: int, total: int) -> Counted:
    images, correct = (torch.zeros(outputs, dtype=torch.long) for _ in range(2))

    def see(logits: Tensor, labels: Tensor) -> None:
        require_finite(logits)
        hits = labels[logits.argmax(1) == labels]
        images.add_(torch.bincount(labels.cpu(), minlength=outputs))
        correct.add_(torch.bincount(hits.cpu(), minlength=outputs))

    parts = tuple(tallies(made.model, batches, made.transform.normalise, made.recipe, see))
    return Counted(parts, total, images, correct)


def _evaluated(found: Sequence[Counted]) -> Evaluated:
    measured = added(tally for part in found for tally in part.tallies).score()
    total = sum(part.total for part in found)
    if not measured.images:
        raise DataError(f"none of the {total:,} images can be read", do="run senet data check")
    counts = torch.stack([torch.stack([part.images, part.correct], 1) for part in found]).sum(0)
    return Evaluated(measured, total, tuple(Hits(*pair) for pair in counts.tolist()))


def _watched(split: "HeldOut", watch: Callable[[int, int], None]) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    for images, labels in split:
        yield images, labels
        done += len(labels)
        watch(done, len(split))
