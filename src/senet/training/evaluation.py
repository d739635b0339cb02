"""Score a model on images that it was not trained on."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.data import Normaliser, Split
from senet.training.layout import laid_out
from senet.training.learner import autocast
from senet.training.recipe import Recipe


@dataclass(frozen=True)
class Score:
    """What a model reaches on a split.

    Args:
        loss: Mean cross entropy, without label smoothing.
        top1: Images whose class is the first guess, in percent.
        top5: Images whose class is among the first five guesses, in percent.
        images: How many were scored.
    """

    loss: float
    top1: float
    top5: float
    images: int


@dataclass(frozen=True)
class Tally:
    """What was counted on some images: sums, so that those of parts add up.

    Args:
        loss: Sum of the cross entropy.
        first: Images whose class is the first guess.
        five: Images whose class is among the first five guesses.
        images: How many were scored.
    """

    loss: float
    first: float
    five: float
    images: float

    def score(self) -> Score:
        """Return the means."""
        images = max(int(self.images), 1)
        return Score(self.loss / images, 100 * self.first / images, 100 * self.five / images, int(self.images))


def added(parts: Iterable[Tally]) -> Tally:
    """Add up what was counted on batches; the sums are rounded once, so that they do not depend on an order."""
    parts = list(parts)
    return Tally(
        math.fsum(part.loss for part in parts),
        math.fsum(part.first for part in parts),
        math.fsum(part.five for part in parts),
        math.fsum(part.images for part in parts),
    )


def accuracy_text(top1: float, top5: float, classes: int) -> str:
    """Say both accuracies; among five classes or fewer top-5 says nothing."""
    return f"{top1:.2f}%" + (f" (top-5 {top5:.2f}%)" if classes > 5 else "")


def unseen(logits: Tensor, labels: Tensor) -> None:
    """Count nothing else."""


def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    prepare: Callable[[Tensor], Tensor],
    recipe: Recipe,
    see: Callable[[Tensor, Tensor], None] = unseen,
) -> Score:
    """Score a model, which is left in evaluation mode.

    Args:
        model: (B, C, H, W) -> (B, classes).
        batches: Images, as the data has them, and (B,) labels.
        prepare: Images on the device -> the model's input.
        recipe: Gives precision and memory layout.
        see: Is shown the logits (B, classes) and labels (B,) of each batch, for whatever else is counted.
    """
    return added(tallies(model, batches, prepare, recipe, see)).score()


@torch.no_grad()
def tallies(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    prepare: Callable[[Tensor], Tensor],
    recipe: Recipe,
    see: Callable[[Tensor, Tensor], None] = unseen,
) -> Iterator[Tally]:
    """Count what :func:`score` is made of, batch by batch."""
    device = next(model.parameters()).device
    model.eval()
    for inputs, labels in batches:
        labels = labels.to(device)
        logits = logits_of(model, prepare(inputs.to(device)), recipe)
        see(logits, labels)
        hits = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
        loss = F.cross_entropy(logits.float(), labels, reduction="sum").item()
        yield Tally(loss, int((logits.argmax(1) == labels).sum()), int(hits.sum()), len(labels))


def logits_of(model: nn.Module, prepared: Tensor, recipe: Recipe) -> Tensor:
    """Run a model on a batch of its input, (B, C, H, W) -> (B, classes), in a recipe's precision and layout."""
    with autocast(prepared.device, recipe):
        logits: Tensor = model(laid_out(prepared, recipe))
    return logits


def whole_batches(split: Split, batch_size: int = 500) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a split in memory into batches to score."""
    return zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True)


def evaluate(model: nn.Module, split: Split, normalise: Normaliser, recipe: Recipe, batch_size: int = 500) -> float:
    """Return the accuracy on a split in percent; leaves the model in evaluation mode."""
    return score(model, whole_batches(split, batch_size), normalise, recipe).top1
