"""A sample of the images, the same whatever the order and the parts in which they are seen."""

import torch
from torch import Tensor

SIZE = 256
NONE = torch.iinfo(torch.int64).max


class Sample:
    """The values of :data:`SIZE` images chosen at random: those whose numbers have the lowest hashes.

    Takes 4 SIZE N bytes.

    Args:
        width: N.
    """

    def __init__(self, width: int) -> None:
        self.hashes = torch.full((SIZE,), NONE)
        self._labels = torch.zeros(SIZE, dtype=torch.int64)
        self._values = torch.zeros(SIZE, width)

    def add(self, values: Tensor, labels: Tensor, images: Tensor) -> None:
        """Add images: values (B, N), classes (B,), numbers (B,)."""
        hashes = hashed(images)
        chosen = hashes < self.hashes.max()
        self._take(hashes[chosen], labels[chosen], values[chosen])

    def merge(self, other: "Sample") -> None:
        """Add what was seen elsewhere."""
        self._take(other.hashes, other._labels, other._values)

    def _take(self, hashes: Tensor, labels: Tensor, values: Tensor) -> None:
        if len(hashes) == 0:
            return
        every = torch.cat([self.hashes, hashes])
        lowest = every.argsort()[:SIZE]
        new = lowest >= SIZE
        free = torch.ones(SIZE, dtype=torch.bool)
        free[lowest[~new]] = False
        places, taken = free.nonzero()[: int(new.sum()), 0], lowest[new] - SIZE
        self.hashes[places], self._labels[places], self._values[places] = hashes[taken], labels[taken], values[taken]

    @property
    def values(self) -> Tensor:
        """(n, N), n up to SIZE."""
        return self._values[self.hashes < NONE]

    @property
    def labels(self) -> Tensor:
        """(n,)."""
        return self._labels[self.hashes < NONE]


def hashed(numbers: Tensor) -> Tensor:
    """Return 62 mixed bits of each number: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), without its sign."""
    z = numbers.long() * -7046029254386353131
    z = (z ^ (z >> 30 & (1 << 34) - 1)) * -4658895280553007687
    z = (z ^ (z >> 27 & (1 << 37) - 1)) * -7723592293110705685
    return (z ^ (z >> 31 & (1 << 33) - 1)) & (1 << 62) - 1
