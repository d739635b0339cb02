"""Batches from memory: shuffled, cropped and flipped on whole tensors, a function of (seed, epoch, sample)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from senet.data.dataset import Augmentation, Split
from senet.data.order import batch_indices
from senet.data.seeds import generator


@dataclass(frozen=True)
class Normaliser:
    """(B, C, H, W) uint8 -> float32 with mean 0 and deviation 1 per channel, in channels_last."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """Scale to 0..1, subtract the mean, divide by the deviation."""
        mean, std = (torch.tensor(v, device=images.device)[:, None, None] for v in (self.mean, self.std))
        scaled = images.float().div_(255).sub_(mean).div_(std)
        return scaled.contiguous(memory_format=torch.channels_last)


def training_batches(
    split: Split, augmentation: Augmentation, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch, images (B, C, H, W) uint8 and labels (B,).

    Order and augmentation have separate streams, and sample i's augmentation does not depend on its batch.
    A last batch of a single image joins the one before it: batch norm cannot train on one value.
    """
    order = torch.randperm(len(split), generator=generator(seed, "order", epoch))
    offsets, flips = draw(len(split), augmentation, generator(seed, "augmentation", epoch))
    for index in batch_indices(order, batch_size):
        yield (
            crop_and_flip(split.images[index], offsets[index], flips[index], augmentation.padding),
            split.labels[index],
        )


def draw(count: int, augmentation: Augmentation, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw each sample's crop offset, (count, 2) in 0..2 * padding, and flip, (count,) bool."""
    offsets = torch.randint(0, 2 * augmentation.padding + 1, (count, 2), generator=source)
    flips = torch.rand(count, generator=source) < (0.5 if augmentation.flip else 0.0)
    return offsets, flips


def crop_and_flip(images: Tensor, offsets: Tensor, flips: Tensor, padding: int) -> Tensor:
    """Cut a window of the image's own size out of the zero-padded image, each sample at its own offset.

    Args:
        images: (B, C, H, W).
        offsets: (B, 2), top and left of the window in the padded image.
        flips: (B,) bool, mirrors the window.
        padding: Pixels on every side.
    """
    batch, channels, height, width = images.shape
    rows = offsets[:, 0, None] + torch.arange(height)  # (B, H)
    columns = torch.arange(width).expand(batch, width)
    columns = offsets[:, 1, None] + torch.where(flips[:, None], columns.flip(1), columns)  # (B, W)
    padded = F.pad(images, (padding,) * 4)
    cut = padded.gather(2, rows[:, None, :, None].expand(batch, channels, height, padded.shape[3]))
    return cut.gather(3, columns[:, None, None, :].expand(batch, channels, height, width))
