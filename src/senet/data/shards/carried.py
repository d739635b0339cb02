"""Images that the main process read from a stream, on their way to a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from senet.data.shards.members import Label

T = TypeVar("T")


@dataclass(frozen=True)
class Carried:
    """A batch of encoded images.

    Args:
        names: For messages.
        contents: Their bytes.
        labels: Of their classes.
    """

    names: tuple[str, ...]
    contents: tuple[bytes, ...]
    labels: tuple[Label, ...]

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """Return an image's address."""
        return self.names[index]

    def read(self, index: int) -> bytes:
        """Return an image's bytes."""
        return self.contents[index]

    def subset(self, index: Sequence[int]) -> "Carried":
        """Return the images at the given positions."""
        return Carried(_taken(self.names, index), _taken(self.contents, index), _taken(self.labels, index))

    def digests(self) -> list[str]:
        """Return nothing to compare: a stream is known by its address, see :mod:`senet.data.shards.remote`."""
        return [""] * len(self)


def _taken(column: Sequence[T], index: Sequence[int]) -> tuple[T, ...]:
    return tuple(column[i] for i in index)
