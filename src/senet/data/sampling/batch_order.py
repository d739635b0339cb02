"""How an epoch is made of the training images: batch size, order, how often each is visited, what happens to it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from senet.data.sampling.seeding import generator
from senet.data.transforms.augment import Transform
from senet.errors import UsageError

# (labels (N,), seed, epoch) -> positions (N,)
SamplingOrder = Callable[[Tensor, int, int], Tensor]


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


@dataclass(frozen=True, eq=False)
class Buffered:
    """Every image once, as from a shuffle buffer that is filled by reading blocks (shards) in a random order.

    ``together`` blocks are read at once, each at a pace at which all end together, so that blocks of one class mix.
    An image waits in the buffer for a uniform part of ``buffer`` images: reading stays near-sequential, and the whole
    order is known before anything is read, so an epoch can be entered at any step.

    Args:
        blocks: Which block each image lies in, (N,) int64, ascending.
        buffer: Images that it holds at the most; 0 shuffles blocks alone.
        together: Blocks that are read at once.
    """

    blocks: Tensor
    buffer: int = 10_000
    together: int = 16

    def __call__(self, labels: Tensor, seed: int, epoch: int) -> Tensor:
        """Return a permutation of the N images."""
        draw = generator(seed, "order", epoch)
        sizes = self.blocks.bincount()
        position = torch.arange(len(labels))
        first = sizes.cumsum(0) - sizes
        turn = torch.randperm(len(sizes), generator=draw)[self.blocks] // self.together
        through = (position - first[self.blocks]).double() / sizes[self.blocks]  # [0, 1), of the block
        stream = (turn + through).argsort(stable=True)
        wait = self.buffer * torch.rand(len(labels), generator=draw, dtype=torch.float64)
        return stream[(position + wait).argsort(stable=True)]


def visit_keys(order: Tensor) -> Tensor:
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


def num_batches(count: int, batch_size: int) -> int:
    """Return how many batches :func:`batch_indices` makes of ``count`` samples."""
    parts = -(-count // batch_size)
    last = count - (parts - 1) * batch_size
    return parts - (parts > 1 and last == 1)


SHUFFLED = Shuffled()


@dataclass(frozen=True)
class Batching:
    """The training side of a feed.

    Args:
        batch_size: Images a step.
        transforms: Done to each image, one after the other.
        order: How an epoch visits the images.
    """

    batch_size: int = 32
    transforms: tuple[Transform, ...] = ()
    order: SamplingOrder = SHUFFLED

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"batch_size={self.batch_size} is below 1")

    def transformed(self, image: Image.Image) -> Image.Image:
        """Apply the transforms; what they draw is the global generators'."""
        for transform in self.transforms:
            image = transform(image)
        return image
