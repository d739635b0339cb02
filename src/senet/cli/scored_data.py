"""The data that ``senet evaluate`` scores: a split of a folder or of a named data set, under the weights' labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from senet.cli.notes import note
from senet.data import SOURCES, DataSettings, HeldOut, InputTransform, Loading, Split, load, open_split
from senet.data.classes import require_same
from senet.data.feed import Batch
from senet.data.labels import Labels
from senet.data.names import plain
from senet.data.tree import LAYOUT
from senet.errors import DataError, UsageError, nearest

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
            raise UsageError(f"no data set is called {self.source!r}", do=_meant(self.source))

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
        split: Its classes are outputs of the model.
    """

    name: str
    split: HeldOut


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
        name, split = _named(reading, transform, labels, where)
    else:
        name, split = _folder(reading, reading.folder, transform, labels)
    return Scored(name, Relabelled(split, torch.tensor(labels.numbers)))


@dataclass(frozen=True, eq=False)
class Relabelled:
    """A split whose classes, numbered by their names alone, become outputs of the model.

    Args:
        split: As it was opened.
        numbers: The output of each name, (names,) int64.
    """

    split: HeldOut
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[Batch]:
        return ((images, self.numbers[labels]) for images, labels in self.split)

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        return self.split.sample_ids(step)


@dataclass(frozen=True, eq=False)
class Transformed:
    """A split in memory as if it were image files: every image goes through the weights' transform.

    Args:
        name: For messages.
        split: The images.
        transform: The weights'.
        batch_size: Images a batch.
    """

    name: str
    split: Split
    transform: InputTransform
    batch_size: int

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[Batch]:
        parts = self.split.images.split(self.batch_size), self.split.labels.split(self.batch_size)
        for images, labels in zip(*parts, strict=True):
            yield torch.stack([self._transformed(image) for image in images]), labels

    def _transformed(self, pixels: Tensor) -> Tensor:
        size = self.transform.size
        if pixels.shape == (self.transform.channels, *size) and self.transform.resize == min(size):
            return pixels  # the transform would leave it as it is
        image = Image.fromarray((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).contiguous().numpy())
        return self.transform.pixels(image.convert("RGB"))

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        first = step * self.batch_size
        return tuple(f"{self.name} image {i}" for i in range(first, min(first + self.batch_size, len(self))))


def _meant(source: str) -> str:
    folder = Path(source).expanduser().is_dir()
    return f"for a folder write --data {FOLDER}{source}" if folder else f"{nearest(source, SOURCES)}; or {FOLDER}PATH"


def _folder(reading: Reading, folder: Path, transform: InputTransform, labels: Labels) -> tuple[str, HeldOut]:
    split = open_split(folder, labels.names, transform, reading.loading, reading.ignore_unknown)
    return f"{FOLDER}{folder}", replace(split, batch_size=reading.batch_size)


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


def _named(reading: Reading, transform: InputTransform, labels: Labels, where: str) -> tuple[str, HeldOut]:
    data = load(DataSettings(reading.source, str(reading.data_dir), reading.download))
    require_same(labels.names, data.classes, where)
    wanted = reading.split or "test"
    parts = {"test": data.test, "val": data.validation, "train": data.train}
    name = f"{data.name}, {wanted}"
    return name, Transformed(name, parts[wanted], transform, reading.batch_size)
