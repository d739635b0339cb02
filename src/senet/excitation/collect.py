"""Run a trained model over images and gather the statistics of its gates, alone or as one of several ranks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from senet.data.loader.stream_split import StreamSplit, log_skipped
from senet.distributed.log_forwarder import LogForwarder
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import DataError, SenetError
from senet.excitation.recording.record import record
from senet.excitation.statistics import Statistics
from senet.inference.classifier import Classifier
from senet.inference.evaluation import ignore_progress
from senet.inference.forward import compute_logits

# Images (B, C, H, W) uint8, their classes (B,), and their numbers (B,).
NumberedBatch = tuple[Tensor, Tensor, Tensor]


class NoGatesError(SenetError, ValueError):
    """Nothing in a model weighs the map from which it was computed."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class CollectedGates:
    """What was gathered.

    Args:
        statistics: Of the gates, by name.
        classes: Images of each class, (K,).
        silent: Names of attention blocks that did not run.
        slow: Names of gates for which every operator was watched.
        unread: Runs of gates that the first pass did not have; they are not in the statistics.
        unreadable: Names of images that could not be read.
    """

    statistics: Statistics
    classes: Tensor
    silent: tuple[str, ...]
    slow: tuple[str, ...]
    unread: int
    unreadable: tuple[str, ...] = ()


def collect(
    classifier: Classifier,
    batches: Iterable[NumberedBatch],
    statistics: Statistics,
    watch: Callable[[int], None] = lambda done: None,
) -> CollectedGates:
    """Gather the gates of every batch; the model is left in evaluation mode.

    Args:
        classifier: Model and input.
        batches: Of images, classes and numbers.
        statistics: To add to.
        watch: Is told how many images are done.

    Raises:
        NoGatesError: The model has no gate.
        UsageError: It is compiled.
        DataError: There are no images.
    """
    model, seen = classifier.model.eval(), torch.zeros(statistics.classes, dtype=torch.int64)
    device = next(model.parameters()).device
    done = 0
    with torch.no_grad(), record(model) as recorded:
        for images, labels, numbers in batches:
            compute_logits(model, classifier.transform.normalise(images.to(device)), classifier.compute)
            require_gates(model, [*recorded.gates, *recorded.silent])
            statistics.add(recorded.gates.values(), labels, numbers)
            seen += labels.bincount(minlength=statistics.classes)
            done += len(labels)
            watch(done)
    return CollectedGates(statistics, seen, recorded.silent, recorded.slow, recorded.unread)


def require_gates(model: nn.Module, names: Iterable[str]) -> None:
    """Refuse a model without gates.

    Raises:
        NoGatesError: There is none.
    """
    if not any(True for _ in names):
        said = "nothing in it multiplies the feature map from which it was computed"
        do = 'senet insert adds attention; senet compare --variants none "SE(reduction=8)" says whether it pays'
        raise NoGatesError(f"{type(model).__name__} has no gate: {said}", do=do)


def collect_split(
    classifier: Classifier,
    split: StreamSplit,
    statistics: Statistics,
    watch: Callable[[int, int], None] = ignore_progress,
    group: ProcessGroup = SINGLE_PROCESS,
) -> CollectedGates:
    """Gather over a split, whose images keep their numbers in it; every rank gets what all found.

    Args:
        classifier: Model and input.
        split: Of several ranks, this one's share.
        statistics: Of no images yet.
        watch: Is told (images done, images in all) of this rank.
        group: The ranks; each calls this function.

    Raises:
        SenetError: As of :func:`collect`; an image that cannot be read.
    """
    with LogForwarder(group) as forwarder:
        mine = collect(classifier, numbered_batches(split), statistics, lambda done: watch(done, len(split)))
        mine = replace(mine, unreadable=tuple(sorted(split.unread)))
        forwarder.forward()
    parts: list[CollectedGates] = group.all_gather(mine)
    return group.broadcast_from_rank0(lambda: _combined(parts))


def numbered_batches(split: StreamSplit) -> Iterator[NumberedBatch]:
    """Yield what could be read of a split, in its order."""
    for job, fetched in split.fetched():
        if log_skipped(fetched, split.unread):
            numbers = torch.tensor(job.indices)[list(fetched.kept)]
            yield fetched.images, split.files.labels[numbers], numbers


def _combined(parts: list[CollectedGates]) -> CollectedGates:
    first, *others = parts
    for part in others:
        first.statistics.merge(part.statistics)
    if first.statistics.images == 0:
        raise DataError("no image can be read", do="run senet data check")
    found = [part for part in parts if part.statistics.images]
    classes = torch.stack([part.classes for part in parts]).sum(0)
    unread, unreadable = sum(part.unread for part in parts), (name for part in parts for name in part.unreadable)
    return CollectedGates(first.statistics, classes, found[0].silent, found[0].slow, unread, tuple(unreadable))
