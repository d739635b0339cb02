"""The data that ``senet evaluate`` scores: a split of a folder or of a named data set, under the weights' labels."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch

from senet.cli.notes import note
from senet.cli.scored_splits import Relabelled, Transformed
from senet.data import SOURCES, DataSettings, HeldOut, InputTransform, Loading, load, open_split
from senet.data.classes import require_same
from senet.data.labels import Labels
from senet.data.memory import MemorySplit
from senet.data.sources import meant
from senet.data.stream import Files
from senet.data.tree import LAYOUT
from senet.errors import DataError, UsageError
from senet.text import plain

FOLDER = "folder:"
HELD_OUT = ("test", "val")  # the one that is scored if nobody says which
SPLITS = (*HELD_OUT, "train")


@dataclass(frozen=True)
class Reading:
    """Which data, and how it is read; see ``senet evaluate``.

    Raises:
        UsageError: No such source, a batch without images.
        DataError: No such folder or split.
    """

    source: str
    split: str | None
    loading: Loading
    batch_size: int
    ignore_unknown: bool
    data_dir: Path
    download: bool

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is below 1")
        if self.folder is None and self.source not in SOURCES:
            raise UsageError(f"no data set is called {self.source!r}", do=meant(self.source))

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the class folders; None for a named data set."""
        if not self.source.startswith(FOLDER):
            return None
        return _split_of(Path(self.source.removeprefix(FOLDER)).expanduser(), self.split)


@dataclass(frozen=True)
class Scored:
    """A split to score.

    Args:
        name: For reading.
        split: Its classes are outputs of the model; of several ranks, this one's share.
        fingerprint: Tells whether ranks have the same images.
    """

    name: str
    split: HeldOut
    fingerprint: Callable[[], str]


def open_scored(reading: Reading, transform: InputTransform, labels: Labels, where: str) -> Scored:
    """Open a split.

    Args:
        reading: Which.
        transform: The weights'.
        labels: The weights'.
        where: The file of weights, for messages.

    Raises:
        DataError: It cannot be read, or has other classes.
    """
    if reading.folder is None:
        found = _named(reading, transform, labels, where)
    else:
        found = _folder(reading, reading.folder, transform, labels)
    return replace(found, split=Relabelled(found.split, torch.tensor(labels.numbers)))


def _folder(reading: Reading, folder: Path, transform: InputTransform, labels: Labels) -> Scored:
    split = open_split(folder, labels.names, transform, reading.loading, reading.ignore_unknown)
    return Scored(f"{FOLDER}{folder}", replace(split, batch_size=reading.batch_size), partial(_digest, split.files))


def _digest(files: Files) -> str:
    """Return the SHA-256 of names and labels; to hash the contents would take as long as to score them."""
    rows = [[files.samples.name(i), label] for i, label in enumerate(files.labels.tolist())]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _split_of(root: Path, wanted: str | None) -> Path:
    """Return the folder that holds the class folders."""
    if not root.is_dir():
        raise DataError("no such folder", where=plain(root), do=LAYOUT)
    found = [name for name in SPLITS if (root / name).is_dir()]
    if wanted is not None:
        if wanted not in found:
            raise DataError(f"the folder has no {wanted}/", where=plain(root), do=f"it has {_listed(found)}")
        return root / wanted
    if not found:
        if not any(entry.is_dir() for entry in root.iterdir()):
            raise DataError("the folder has no class folders", where=plain(root), do=LAYOUT)
        return root  # its folders are the classes
    held = [name for name in HELD_OUT if name in found]
    if not held:
        raise DataError(
            "the folder has neither test/ nor val/", where=plain(root), do="--split train scores the training images"
        )
    if len(held) > 1:
        note(f"{held[0]}/ is scored; --split {held[1]} scores the other")
    return root / held[0]


def _listed(found: list[str]) -> str:
    return ", ".join(f"{name}/" for name in found) or "class folders alone: leave --split out"


def _named(reading: Reading, transform: InputTransform, labels: Labels, where: str) -> Scored:
    data = load(DataSettings(reading.source, str(reading.data_dir), reading.download))
    require_same(labels.names, data.classes, where)
    wanted = reading.split or "test"
    parts = {"test": data.test, "val": data.validation, "train": data.train}
    name = f"{data.name}, {wanted}"
    split = MemorySplit(name, parts[wanted], reading.batch_size, reading.loading.share)
    return Scored(name, Transformed(split, transform), data.fingerprint)
