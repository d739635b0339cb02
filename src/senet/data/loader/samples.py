"""What batches are made of: encoded images by number and their labels, wherever they lie."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from senet.data.hashing import content_digests
from senet.data.images.decode import read_file, read_file_part
from senet.data.unused import Unused


class Samples(Protocol):
    """The encoded images of a split, in a fixed order; cheap to send to a worker process."""

    @property
    def blocks(self) -> NDArray[np.int32] | None:
        """Which file each lies in, (N,), ascending, where neighbours are read faster; None where it does not matter."""

    def __len__(self) -> int:
        """Return how many there are."""

    def name(self, index: int) -> str:
        """Name one, for a message; the name is its own within the data set."""

    def size(self, index: int) -> int:
        """Return the bytes of one image file.

        Raises:
            OSError: It cannot be read.
        """

    def read(self, index: int) -> bytes:
        """Return the content of one image file.

        Raises:
            OSError: It cannot be read.
            DataError: What holds it is not what it was.
        """

    def head(self, index: int, size: int) -> bytes:
        """Return the first bytes of one image file, or all of it where that is no dearer; errors as of :meth:`read`."""

    @property
    def files(self) -> Sequence[Path]:
        """The files that hold them, whose size and time change when an image does; none for images in memory."""

    def subset(self, index: Sequence[int]) -> Self:
        """Return those at the given positions."""

    def digests(self) -> Sequence[str]:
        """Return for each a SHA-256 that changes when its content does."""


@dataclass(frozen=True, eq=False)
class LabelledSamples:
    """The images of a split and their classes, nothing decoded.

    Args:
        samples: The encoded images.
        labels: (N,) int64.
        unused: What the split has beside them.
    """

    samples: Samples
    labels: Tensor
    unused: tuple[Unused, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: Tensor) -> "LabelledSamples":
        """Return the images at the given positions."""
        return replace(self, samples=self.samples.subset(index.tolist()), labels=self.labels[index])


@dataclass(frozen=True, eq=False)
class PackedNames:
    """Names, in a fixed order.

    Args:
        text: All of them, one after the other, as the file system has them.
        ends: Where each one ends, (N,).
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = self.ends[index - 1] if index else 0
        return os.fsdecode(self.text[start : self.ends[index]].tobytes())


def pack_names(names: Iterable[str]) -> PackedNames:
    """Pack names."""
    encoded = [os.fsencode(name) for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return PackedNames(np.frombuffer(b"".join(encoded), np.uint8), ends)


@dataclass(frozen=True, eq=False)
class PathSamples:
    """Files below a folder, in a fixed order.

    Args:
        root: The folder.
        names: Relative to it.
        blocks: None: all are as near.
    """

    root: Path
    names: PackedNames
    blocks: None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """Return a path relative to the root."""
        return self.names[index]

    def size(self, index: int) -> int:
        """Return a file's bytes."""
        return self.path(index).stat().st_size

    def read(self, index: int) -> bytes:
        """Return a file's content."""
        return read_file(self.path(index))

    def head(self, index: int, size: int) -> bytes:
        """Return the first bytes of a file."""
        return read_file_part(self.path(index), 0, size)

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.path(i) for i in range(len(self))]

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file, ``unreadable`` for what cannot be read."""
        return content_digests(self.root, [self.name(i) for i in range(len(self))])

    def path(self, index: int) -> Path:
        """Return a path to open."""
        return self.root / self.name(index)

    def subset(self, index: Sequence[int]) -> "PathSamples":
        """Return the paths at the given positions."""
        return PathSamples(self.root, pack_names(self.name(i) for i in index))


def pack_paths(root: Path, paths: Iterable[Path]) -> PathSamples:
    """Pack paths that lie below a root."""
    start = len(os.fsencode(root)) + 1
    return PathSamples(root, pack_names(os.fsdecode(os.fsencode(path)[start:]) for path in paths))
