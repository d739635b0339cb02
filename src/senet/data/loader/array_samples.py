"""Pixels in memory as encoded images: each is read as a PNG."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from senet.data.transforms.evaluation import to_image


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """The images of a split in memory.

    Args:
        split: Its name.
        images: (N, C, H, W) uint8, of one channel or three.
        numbers: Of the images in their split, (N,) int64.
        blocks: None: all are as near.
    """

    split: str
    images: Tensor
    numbers: Tensor
    blocks: None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self.images)

    def name(self, index: int) -> str:
        """Return split and number."""
        return f"{self.split}/{self.numbers[index]}.png"

    def size(self, index: int) -> int:
        """Return the bytes of one PNG."""
        return len(self.read(index))

    def read(self, index: int) -> bytes:
        """Return one image as a PNG."""
        file = io.BytesIO()
        to_image(self.images[index]).save(file, "png", compress_level=1)
        return file.getvalue()

    def head(self, index: int, size: int) -> bytes:
        """Return one image as a PNG."""
        return self.read(index)

    @property
    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def subset(self, index: Sequence[int]) -> "ArraySamples":
        """Return the images at the given positions."""
        at = torch.as_tensor(index, dtype=torch.int64)
        return ArraySamples(self.split, self.images[at], self.numbers[at])

    def digests(self) -> list[str]:
        """Return the SHA-256 of each image's pixels."""
        return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in self.images]
