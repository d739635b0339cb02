"""Which images drive each value most, and which least."""

import torch
from torch import Tensor

KEPT = 4
NONE = torch.iinfo(torch.int64).min
LAST = 2**31 - 1


class Extremes:
    """The images in which each of N values is highest; of equal values the lower numbers.

    Takes 8 KEPT N bytes.

    Args:
        width: N.
    """

    def __init__(self, width: int) -> None:
        self.keys = torch.full((width, KEPT), NONE)

    def add(self, values: Tensor, images: Tensor) -> None:
        """Add images: values (B, N) in float32, numbers (B,) below 2**31."""
        keys = keyed(values, images)
        rows = (keys.amax(0) > self.keys[:, -1]).nonzero()[:, 0]  # the others keep what they have
        if len(rows):
            self._take(rows, keys[:, rows].T)

    def merge(self, other: "Extremes") -> None:
        """Add what was seen elsewhere."""
        self._take(torch.arange(len(self.keys)), other.keys)

    def _take(self, rows: Tensor, keys: Tensor) -> None:
        self.keys[rows] = torch.cat([self.keys[rows], keys], 1).topk(KEPT, dim=1).values

    @property
    def images(self) -> Tensor:
        """Numbers of the images, (N, KEPT), the highest value first; -1 where there are fewer."""
        return torch.where(self.keys == NONE, -1, LAST - (self.keys & LAST))


def keyed(values: Tensor, images: Tensor) -> Tensor:
    """Return a whole number for each value of each image that is in the order of the values, then against the numbers.

    A comparison of these alone tells which images are kept, so it does not depend on the order in which they come.
    """
    bits = (values + 0.0).contiguous().view(torch.int32).long()  # the bits of floats are in their order, but for signs
    ordered = torch.where(bits < 0, bits ^ LAST, bits)
    return (ordered << 31) + (LAST - images)[:, None]
