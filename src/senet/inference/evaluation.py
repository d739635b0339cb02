"""Score a model on images that it was not trained on, whole and class by class, alone or as one of several ranks."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.distributed.log_forwarder import LogForwarder
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import DataError
from senet.inference.classifier import Classifier, require_finite
from senet.inference.compute import Compute
from senet.inference.confusion_meter import ConfusionMeter
from senet.inference.forward import compute_logits
from senet.inference.score import ClassAccuracy, EvaluationResult, Score

if TYPE_CHECKING:  # they import torchvision
    from senet.data import Split
    from senet.data.loader.feed import HeldOut

Prepare = Callable[[Tensor], Tensor]
BatchObserver = Callable[[Tensor, Tensor, Tensor], None]


@dataclass(frozen=True)
class EvaluationCounts:
    """What was counted on a part of a split; nothing that depends on which rank had which batch.

    Args:
        losses: Sum of the cross entropy of every batch.
        top5: Images whose class is among the first five guesses.
        classes: Of each class its images, and those of them whose first guess it is, (outputs, 2) int64.
    """

    losses: tuple[float, ...]
    top5: int
    classes: Tensor


def ignore_batch(images: Tensor, logits: Tensor, labels: Tensor) -> None:
    """Count nothing else."""


@torch.no_grad()
def accumulate_counts(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    prepare: Prepare,
    compute: Compute,
    observe: BatchObserver = ignore_batch,
) -> EvaluationCounts:
    """Count what scores are made of; the model is left in evaluation mode.

    Args:
        model: (B, C, H, W) -> (B, classes).
        batches: Images, as the data has them, and (B,) labels.
        prepare: Images on the device -> the model's input.
        compute: Precision and memory layout.
        observe: Is shown every batch, for whatever else is counted: images as the data has them, logits
            (B, classes) and labels (B,).
    """
    device = next(model.parameters()).device
    model.eval()
    losses, five, classes = list[float](), 0, list[Tensor]()
    for inputs, labels in batches:
        logits, targets = compute_logits(model, prepare(inputs.to(device)), compute), labels.to(device)
        observe(inputs, logits, targets)
        losses.append(F.cross_entropy(logits.float(), targets, reduction="sum").item())
        five += int((logits.topk(min(5, logits.shape[1]), dim=1).indices == targets[:, None]).sum())
        hits = targets[logits.argmax(1) == targets]
        pair = [torch.bincount(found.cpu(), minlength=logits.shape[1]) for found in (targets, hits)]
        classes.append(torch.stack(pair, 1))
    return EvaluationCounts(tuple(losses), five, torch.stack(classes).sum(0) if classes else torch.zeros(0, 2))


def combine_counts(parts: Sequence[EvaluationCounts], total: int) -> EvaluationResult:
    """Put together what was counted on the parts of a split; losses are rounded once, in whatever order they come.

    Args:
        parts: Of all ranks.
        total: Images of the split, readable or not.

    Raises:
        DataError: None could be read.
    """
    scored = [part for part in parts if part.classes.any()]
    if not scored:
        raise DataError(f"none of the {total:,} images can be read", do="run senet data check")
    classes = torch.stack([part.classes for part in scored]).sum(0)
    images, correct = classes.sum(0).tolist()
    loss = math.fsum(value for part in scored for value in part.losses) / images
    five = sum(part.top5 for part in scored)
    score = Score(loss, 100 * correct / images, 100 * five / images, images)
    return EvaluationResult(score, total, tuple(ClassAccuracy(*pair) for pair in classes.tolist()))


def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    prepare: Prepare,
    compute: Compute,
    see: BatchObserver = ignore_batch,
) -> Score:
    """Score a model, which is left in evaluation mode; arguments as of :func:`accumulate_counts`.

    Raises:
        DataError: There are no images.
    """
    return combine_counts([accumulate_counts(model, batches, prepare, compute, see)], 0).score


def evaluate(model: nn.Module, split: "Split", prepare: Prepare, compute: Compute, batch_size: int = 500) -> float:
    """Return the accuracy on a split in memory in percent; leaves the model in evaluation mode."""
    batches = zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True)
    return score(model, batches, prepare, compute).top1


def ignore_progress(done: int, total: int) -> None:
    """Watch nothing."""


def score_split(
    classifier: Classifier,
    split: "HeldOut",
    watch: Callable[[int, int], None] = ignore_progress,
    group: ProcessGroup = SINGLE_PROCESS,
    meter: ConfusionMeter | None = None,
) -> EvaluationResult:
    """Score a classifier on a split; no image is replaced, and one that is left out shows in the numbers.

    Several ranks that have the batches of one process find its numbers to the last bit, as far as a batch's logits
    are the same on all: on devices of one kind, with as many threads.

    Args:
        classifier: The model and its input.
        split: Images and classes; of several ranks, this one's share.
        watch: Is told (images done, images in all) of this rank.
        group: The ranks that score together; each calls this function, and gets the numbers of all.
        meter: Notes what images are taken for, on this rank.

    Raises:
        DataError: An image that cannot be read, or none that can.
        WeightsError: The logits are not finite.
    """
    with LogForwarder(group) as forwarder:
        batches = _watched(meter.batches(split) if meter else split, len(split), watch)

        def observe(images: Tensor, logits: Tensor, labels: Tensor) -> None:
            require_finite(logits)
            if meter:
                meter.update(images, logits, labels)

        mine = accumulate_counts(classifier.model, batches, classifier.transform.normalise, classifier.compute, observe)
        forwarder.forward()
    parts, totals = zip(*group.all_gather((mine, len(split))), strict=True)
    return group.broadcast_from_rank0(lambda: combine_counts(parts, sum(totals)))


def _watched(
    batches: Iterable[tuple[Tensor, Tensor]], total: int, watch: Callable[[int, int], None]
) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    for images, labels in batches:
        yield images, labels
        done += len(labels)
        watch(done, total)
