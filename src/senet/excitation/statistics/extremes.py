"""Which images drive each value most, and which least."""

import torch
from torch import Tensor

TOP_K = 4
NONE = torch.iinfo(torch.int64).min
LAST = 2**31 - 1


class TopImages:
    """The images in which each of N values is highest; of equal values the lower numbers.

    Takes 8 KEPT N bytes.

    Args:
        width: N.
    """

    def __init__(self, width: int) -> None:
        self.keys = torch.full((width, TOP_K), NONE)

    def add(self, values: Tensor, images: Tensor) -> None:
        """Add images: values (B, N) in float32, numbers (B,) below 2**31."""
        keys = sort_keys(values, images)
        rows = (keys.amax(0) > self.keys[:, -1]).nonzero()[:, 0]  # the others keep what they have
        if len(rows):
            self._take(rows, keys[:, rows].T)

    def merge(self, other: "TopImages") -> None:
        """Add what was seen elsewhere."""
        self._take(torch.arange(len(self.keys)), other.keys)

    def _take(self, rows: Tensor, keys: Tensor) -> None:
        self.keys[rows] = torch.cat([self.keys[rows], keys], 1).topk(TOP_K, dim=1).values

    @property
    def images(self) -> Tensor:
        """Numbers of the images, (N, KEPT), the highest value first; -1 where there are fewer."""
        return torch.where(self.keys == NONE, -1, LAST - (self.keys & LAST))


def sort_keys(values: Tensor, images: Tensor) -> Tensor:
    """Return a whole number for each value of each image that is in the order of the values, then against the numbers.

    A comparison of these alone tells which images are kept, so it does not depend on the order in which they come.
    """
    bits = (values + 0.0).contiguous().view(torch.int32).long()  # the bits of floats are in their order, but for signs
    ordered = torch.where(bits < 0, bits ^ LAST, bits)
    return (ordered << 31) + (LAST - images)[:, None]


SAMPLE_SIZE = 256
EMPTY = torch.iinfo(torch.int64).max


class ImageSample:
    """The values of :data:`SAMPLE_SIZE` images chosen at random: those whose numbers have the lowest hashes.

    Takes 4 SIZE N bytes.

    Args:
        width: N.
    """

    def __init__(self, width: int) -> None:
        self.hashes = torch.full((SAMPLE_SIZE,), EMPTY)
        self._labels = torch.zeros(SAMPLE_SIZE, dtype=torch.int64)
        self._values = torch.zeros(SAMPLE_SIZE, width)

    def add(self, values: Tensor, labels: Tensor, images: Tensor) -> None:
        """Add images: values (B, N), classes (B,), numbers (B,)."""
        hashes = splitmix64(images)
        chosen = hashes < self.hashes.max()
        self._take(hashes[chosen], labels[chosen], values[chosen])

    def merge(self, other: "ImageSample") -> None:
        """Add what was seen elsewhere."""
        self._take(other.hashes, other._labels, other._values)

    def _take(self, hashes: Tensor, labels: Tensor, values: Tensor) -> None:
        if len(hashes) == 0:
            return
        every = torch.cat([self.hashes, hashes])
        lowest = every.argsort()[:SAMPLE_SIZE]
        new = lowest >= SAMPLE_SIZE
        free = torch.ones(SAMPLE_SIZE, dtype=torch.bool)
        free[lowest[~new]] = False
        places, taken = free.nonzero()[: int(new.sum()), 0], lowest[new] - SAMPLE_SIZE
        self.hashes[places], self._labels[places], self._values[places] = hashes[taken], labels[taken], values[taken]

    @property
    def values(self) -> Tensor:
        """(n, N), n up to SIZE."""
        return self._values[self.hashes < EMPTY]

    @property
    def labels(self) -> Tensor:
        """(n,)."""
        return self._labels[self.hashes < EMPTY]


def splitmix64(numbers: Tensor) -> Tensor:
    """Return 62 mixed bits of each number: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), without its sign."""
    z = numbers.long() * -7046029254386353131
    z = (z ^ (z >> 30 & (1 << 34) - 1)) * -4658895280553007687
    z = (z ^ (z >> 27 & (1 << 37) - 1)) * -7723592293110705685
    return (z ^ (z >> 31 & (1 << 33) - 1)) & (1 << 62) - 1
