"""Splits that are scored under a file of weights: its labels, and its transform of images that lie in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from senet.data import HeldOut, InputTransform
from senet.data.feed import Batch
from senet.data.memory import MemorySplit


@dataclass(frozen=True, eq=False)
class Relabelled:
    """A split whose classes, numbered by their names alone, become outputs of the model.

    Args:
        split: As it was opened.
        numbers: The output of each name, (names,) int64.
    """

    split: HeldOut
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[Batch]:
        return ((images, self.numbers[labels]) for images, labels in self.split)

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        return self.split.sample_ids(step)


@dataclass(frozen=True, eq=False)
class Transformed:
    """A split in memory as if it were image files: every image goes through the weights' transform.

    Args:
        split: The images.
        transform: The weights'.
    """

    split: MemorySplit
    transform: InputTransform

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[Batch]:
        for images, labels in self.split:
            yield torch.stack([self._transformed(image) for image in images]), labels

    def _transformed(self, pixels: Tensor) -> Tensor:
        size = self.transform.size
        if pixels.shape == (self.transform.channels, *size) and self.transform.resize == min(size):
            return pixels  # the transform would leave it as it is
        image = Image.fromarray((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).contiguous().numpy())
        return self.transform.pixels(image.convert("RGB"))

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        return self.split.sample_ids(step)
