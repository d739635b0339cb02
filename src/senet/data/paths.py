"""Many names in two arrays: worker processes share them, where they would copy a list as they count references."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from senet.data.digests import content_digests
from senet.data.images import read


@dataclass(frozen=True, eq=False)
class Names:
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


def pack_names(names: Iterable[str]) -> Names:
    """Pack names."""
    encoded = [os.fsencode(name) for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return Names(np.frombuffer(b"".join(encoded), np.uint8), ends)


@dataclass(frozen=True, eq=False)
class Paths:
    """Files below a folder, in a fixed order.

    Args:
        root: The folder.
        names: Relative to it.
    """

    root: Path
    names: Names

    def __len__(self) -> int:
        return len(self.names)

    @property
    def longest(self) -> int:
        """Bytes of the longest name."""
        return int(np.diff(self.names.ends, prepend=0).max(initial=0))

    def name(self, index: int) -> str:
        """Return a path relative to the root."""
        return self.names[index]

    def read(self, index: int) -> bytes:
        """Return a file's bytes."""
        return read(self.path(index))

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file, ``unreadable`` for what cannot be read."""
        return content_digests(self.root, [self.name(i) for i in range(len(self))])

    def path(self, index: int) -> Path:
        """Return a path to open; a name never leads out of the root."""
        return self.root / self.name(index)

    def subset(self, index: Sequence[int]) -> "Paths":
        """Return the paths at the given positions."""
        return pack(self.root, (self.path(i) for i in index))


def pack(root: Path, paths: Iterable[Path]) -> Paths:
    """Pack paths that lie below a root."""
    start = len(os.fsencode(root)) + 1
    return Paths(root, pack_names(os.fsdecode(os.fsencode(path)[start:]) for path in paths))
