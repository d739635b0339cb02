"""Crop and flip whole batches in memory, each sample by what was drawn for it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from senet.data.dataset import Augmentation


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
