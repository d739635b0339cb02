"""Images that the main process read from a stream, on their way to a worker."""

from collections.abc import Sequence
from dataclasses import dataclass

from senet.data.shards.members import Label


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
        columns = (self.names, self.contents, self.labels)
        return Carried(*(tuple(column[i] for i in index) for column in columns))  # type: ignore[arg-type]  # the three

    def digests(self) -> list[str]:
        """Return nothing to compare: a stream is known by its address, see :mod:`senet.data.shards.remote`."""
        return [""] * len(self)
