"""The split of a data source that trained weights are evaluated on, under the weights' labels."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from senet.cli.common.notes import note
from senet.data import InputTransform, Loading, StreamSplit
from senet.data.labels.labels import Labels
from senet.data.loader.samples import LabelledSamples
from senet.data.sources.source import Source, labelled_samples
from senet.data.unused import Unused, warn_unused
from senet.errors import DataError, UsageError
from senet.utils.text import printable

HELD_OUT = ("test", "val")  # the one that is taken if nobody says which


@dataclass(frozen=True)
class EvaluateRequest:
    """Which images are scored, and how they are read; see ``senet evaluate``.

    Raises:
        UsageError: A batch without images.
    """

    source: Source
    split: str | None
    loading: Loading
    batch_size: int
    ignore_unknown: bool

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is below 1")


@dataclass(frozen=True)
class EvaluationSplit:
    """A split to score.

    Args:
        name: Of the source.
        part: Which split of the source it is; empty where the source has none.
        split: Its classes are outputs of the model; of several ranks, this one's share.
        fingerprint: Tells whether ranks have the same images.
        unused: What the source has beside these images, as far as names and indexes tell.
    """

    name: str
    part: str
    split: StreamSplit
    fingerprint: Callable[[], str]
    unused: tuple[Unused, ...] = ()


def open_evaluation_split(request: EvaluateRequest, transform: InputTransform, labels: Labels) -> EvaluationSplit:
    """Open a split of a source to score weights on it.

    Args:
        request: Which.
        transform: The weights'.
        labels: The weights'.

    Raises:
        DataError: It cannot be read, or has other classes.
    """
    split = choose_split(request.source, request.split)
    files = labelled_samples(request.source.read(split), labels.names, request.ignore_unknown, split)
    unused = (*request.source.outside_splits, *files.unused)
    warn_unused(unused)
    outputs = LabelledSamples(files.samples, torch.tensor(labels.numbers)[files.labels])
    scored = StreamSplit(outputs, transform, request.loading, request.batch_size)
    return EvaluationSplit(request.source.name, split, scored, partial(_digest, outputs), unused)


def choose_split(source: Source, wanted: str | None) -> str:
    """Return which split of a source is taken.

    Raises:
        DataError: It is not there, or nothing is held out and nobody says that the training images are meant.
    """
    splits = source.splits
    if wanted is not None:
        if wanted not in splits:
            has = ", ".join(splits) if splits != ("",) else "no splits: leave --split out"
            raise DataError(f"the data has no split {wanted}", where=printable(source.where), do=f"it has {has}")
        return wanted
    if not splits:
        source.require_splits()
    held = [name for name in HELD_OUT if name in splits] or [name for name in splits if not name]
    if not held:
        said = "the data has neither test nor val"
        raise DataError(said, where=printable(source.where), do="--split train uses the training images")
    if len(held) > 1:
        note(f"using the split {held[0]}; --split {held[1]} uses the other")
    return held[0]


def _digest(files: LabelledSamples) -> str:
    """Return the SHA-256 of names and labels; to hash the contents would take as long as to score them."""
    rows = [[files.samples.name(i), label] for i, label in enumerate(files.labels.tolist())]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
