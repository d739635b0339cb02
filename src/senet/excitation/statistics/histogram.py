"""Quantiles from a histogram of fixed bins: the same whatever came first, and merged by adding."""

import torch
from torch import Tensor

BINS = 64


class Histogram:
    """Counts of N values in :data:`BINS` equal bins between two ends, for several groups of images.

    Takes 4 BINS N bytes for each group; a count holds up to two thousand million images.

    Args:
        groups: G.
        width: N.
        low: Lower end.
        high: Upper end.
    """

    def __init__(self, groups: int, width: int, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.counts = torch.zeros(groups, width, BINS, dtype=torch.int32)

    def add(self, group: int, values: Tensor) -> None:
        """Add images to a group: (B, N)."""
        bins = ((values - self.low) * (BINS / (self.high - self.low))).long().clamp_(0, BINS - 1)
        bins += torch.arange(values.shape[1]) * BINS
        flat = bins.flatten()
        self.counts[group].view(-1).scatter_add_(0, flat, torch.ones_like(flat, dtype=torch.int32))

    def merge(self, other: "Histogram") -> None:
        """Add what was seen elsewhere."""
        self.counts += other.counts

    def quantiles(self, group: int, shares: tuple[float, ...]) -> Tensor:
        """Return quantiles, (len(shares), N): linear within a bin, so exact to its width; NaN without images."""
        counts = self.counts[group].double()
        below = counts.cumsum(1)
        wanted = torch.tensor(shares, dtype=torch.float64)[:, None] * below[:, -1]  # (Q, N)
        bins = torch.searchsorted(below, wanted.T.contiguous()).clamp_(max=BINS - 1)  # (N, Q)
        inside = counts.gather(1, bins)
        into = (wanted.T - (below.gather(1, bins) - inside)) / inside
        found = self.low + (bins + into.clamp(0, 1)) * ((self.high - self.low) / BINS)
        return found.T
