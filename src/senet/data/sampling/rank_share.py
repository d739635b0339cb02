"""Which part of the data a process of a distributed run takes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from senet.data.sampling.batch_order import num_batches
from senet.errors import UsageError


@dataclass(frozen=True)
class Share:
    """Rank ``rank`` of ``ranks``.

    Training batches are made for all ranks together, and each takes its slice: the images of a step do not depend on
    how many ranks there are, and no image is taken twice or by none. Slices differ by one image where the batch cannot
    be divided: weigh a rank's mean loss by its images. Of what is scored, a rank takes whole batches.

    Args:
        rank: From 0.
        ranks: Processes in all.
    """

    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.ranks:
            raise UsageError(f"rank={self.rank} is not one of {self.ranks} ranks, 0 to {self.ranks - 1}")

    def of(self, whole: Tensor) -> Tensor:
        """Return this rank's slice; those of all ranks, one after the other, are the whole."""
        return whole.tensor_split(self.ranks)[self.rank]

    def scored(self, count: int, batch_size: int) -> range:
        """Return this rank's images of a held-out split: whole batches, the same ones as one process has.

        What a model makes of an image depends, in the last bits, on the batch that it is in; so the batches must not
        depend on the ranks. Those of all ranks, one after the other, are all; where there are fewer batches than ranks,
        the last ranks have none.

        Args:
            count: Images of the split.
            batch_size: Images a batch.
        """
        mine = self.of(torch.arange(0, count, batch_size)).tolist()
        return range(mine[0], min(mine[-1] + batch_size, count)) if mine else range(0)

    def require_two_each(self, count: int, batch_size: int) -> None:
        """Refuse a batch size that leaves a rank fewer than two images of a step: batch norm cannot train on one.

        Args:
            count: Training images.
            batch_size: Of all ranks together.

        Raises:
            UsageError: Names a batch size that works.
        """
        if self.ranks == 1 or least_batch(count, batch_size) >= 2 * self.ranks:
            return
        fitting = [size for size in range(2 * self.ranks, count + 1) if least_batch(count, size) >= 2 * self.ranks]
        near = min(fitting, key=lambda size: abs(size - batch_size), default=None)
        raise UsageError(
            f"batch_size={batch_size} leaves {least_batch(count, batch_size)} of {count} images for the last step: "
            f"{self.ranks} ranks need two each",
            do=f"take batch_size={near} (--batch-size {near})" if near else "use fewer ranks",
        )


SINGLE_RANK = Share()


def least_batch(count: int, batch_size: int) -> int:
    """Return the size of the smallest batch of an epoch."""
    return min(batch_size, count - (num_batches(count, batch_size) - 1) * batch_size)
