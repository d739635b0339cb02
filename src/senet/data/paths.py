"""Many paths in two arrays: worker processes share them, where they would copy a list as they count references."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths below a folder, in a fixed order.

    Args:
        root: The folder.
        names: All relative names, one after the other, as the file system has them.
        ends: Where each one ends, (N,).
    """

    root: Path
    names: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def name(self, index: int) -> str:
        """Return a path relative to the root."""
        start = self.ends[index - 1] if index else 0
        return os.fsdecode(self.names[start : self.ends[index]].tobytes())

    def path(self, index: int) -> Path:
        """Return a path to open; a name never leads out of the root."""
        return self.root / self.name(index)

    def subset(self, index: Sequence[int]) -> "Paths":
        """Return the paths at the given positions."""
        return pack(self.root, (self.path(i) for i in index))


def pack(root: Path, paths: Iterable[Path]) -> Paths:
    """Pack paths that lie below a root."""
    start = len(os.fsencode(root)) + 1
    names = [os.fsencode(path)[start:] for path in paths]
    ends = np.cumsum([len(name) for name in names], dtype=np.int64)
    return Paths(root, np.frombuffer(b"".join(names), np.uint8), ends)
