"""What batches are made of: encoded images by number, wherever they lie."""

from collections.abc import Sequence
from typing import Protocol, Self


class Samples(Protocol):
    """The encoded images of a split, in a fixed order; cheap to send to a worker process."""

    def __len__(self) -> int:
        """Return how many there are."""

    def name(self, index: int) -> str:
        """Name one, for a message; the name is its own within the data set."""

    def read(self, index: int) -> bytes:
        """Return the bytes of one image file.

        Raises:
            OSError: They cannot be read.
            DataError: What holds them is not what it was.
        """

    def subset(self, index: Sequence[int]) -> Self:
        """Return those at the given positions."""

    def digests(self) -> Sequence[str]:
        """Return for each a SHA-256 that changes when its bytes do."""
