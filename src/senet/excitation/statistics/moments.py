"""Mean and variance by class in one pass, in float64; parts merge to what one pass over all would have found."""

from dataclasses import dataclass

import torch
from torch import Tensor


class Moments:
    """Counts, means and sums of squared deviations of N values by class: Chan, Golub, LeVeque 1983, eq. 2.1.

    Takes 16 N bytes for each class.

    Args:
        classes: K.
        width: N.
    """

    def __init__(self, classes: int, width: int) -> None:
        self.counts = torch.zeros(classes, dtype=torch.float64)
        """(K,)."""
        self.means = torch.zeros(classes, width, dtype=torch.float64)
        """(K, N); 0 for a class without images."""
        self.squares = torch.zeros(classes, width, dtype=torch.float64)
        """(K, N): sums of squared deviations from the mean of the class."""

    def add(self, values: Tensor, labels: Tensor) -> None:
        """Add images: values (B, N) and classes (B,)."""
        present, rows = labels.unique(return_inverse=True)
        part = Moments(len(present), values.shape[1])
        values = values.double()
        part.counts = rows.bincount(minlength=len(present)).double()
        part.means.index_add_(0, rows, values).div_(part.counts[:, None])
        part.squares.index_add_(0, rows, (values - part.means[rows]).square_())
        self._merge(part, present)

    def merge(self, other: "Moments") -> None:
        """Add what was seen elsewhere, of the same classes and values."""
        self._merge(other, torch.arange(len(self.counts)))

    def _merge(self, part: "Moments", at: Tensor) -> None:
        before, after = self.counts[at], self.counts[at] + part.counts
        share = (part.counts / after.clamp(min=1))[:, None]
        step = part.means - self.means[at]
        self.squares[at] += part.squares + step.square() * before[:, None] * share
        self.means[at] += step * share
        self.counts[at] = after

    def overall(self) -> "TotalMoments":
        """Return what the classes come to together."""
        images = self.counts.sum()
        weights = (self.counts / images.clamp(min=1))[:, None]
        mean = (self.means * weights).sum(0)
        within = self.squares.sum(0)
        between = ((self.means - mean).square() * self.counts[:, None]).sum(0)
        return TotalMoments(int(images), mean, within, between)


@dataclass(frozen=True)
class TotalMoments:
    """N values over all images.

    Args:
        images: n.
        mean: (N,).
        within: (N,): sum of squared deviations from the means of the classes.
        between: (N,): of the means of the classes from the mean, over images.
    """

    images: int
    mean: Tensor
    within: Tensor
    between: Tensor

    @property
    def squares(self) -> Tensor:
        """Sum of squared deviations from the mean, (N,)."""
        return self.within + self.between


def standard_deviation(squares: Tensor, images: float) -> Tensor:
    """Return the standard deviation, with n - 1; NaN for fewer than two images."""
    return (squares / (images - 1)).sqrt() if images > 1 else torch.full_like(squares, torch.nan)


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
