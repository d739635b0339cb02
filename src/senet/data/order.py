"""In which order, and how often, an epoch visits the training images."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from senet.data.seeds import generator

# (labels (N,), seed, epoch) -> positions (N,)
Order = Callable[[Tensor, int, int], Tensor]


@dataclass(frozen=True)
class Shuffled:
    """Every image once, in an order that depends on (seed, epoch)."""

    def __call__(self, labels: Tensor, seed: int, epoch: int) -> Tensor:
        """Return a permutation of the N images."""
        return torch.randperm(len(labels), generator=generator(seed, "order", epoch))


@dataclass(frozen=True)
class Balanced:
    """N draws with replacement in which every class is equally likely, and every image within its class."""

    def __call__(self, labels: Tensor, seed: int, epoch: int) -> Tensor:
        """Return N positions; those of rare classes come several times."""
        weights = 1 / labels.bincount().double()[labels]
        return torch.multinomial(weights, len(labels), True, generator=generator(seed, "order", epoch))


def visits(order: Tensor) -> Tensor:
    """Number the visits of an epoch: sample i's first is i, its second N + i, and so on.

    Augmentation is a function of the visit, so an image that is drawn twice is not augmented alike.
    """
    by_sample = order.sort(stable=True)
    positions = torch.arange(len(order))
    starts = torch.searchsorted(by_sample.values, by_sample.values)  # where each sample's run begins
    occurrence = torch.empty_like(order)
    occurrence[by_sample.indices] = positions - starts
    return order + len(order) * occurrence


def batch_indices(order: Tensor, batch_size: int) -> list[Tensor]:
    """Cut an order into batches, the last one never of a single sample."""
    parts = list(order.split(batch_size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def steps(count: int, batch_size: int) -> int:
    """Return how many batches :func:`batch_indices` makes of ``count`` samples."""
    parts = -(-count // batch_size)
    last = count - (parts - 1) * batch_size
    return parts - (parts > 1 and last == 1)
