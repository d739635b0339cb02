"""What training does to one image: PIL in, PIL out, drawn from the global generators, which the caller seeds.

Each is a frozen dataclass: it prints as the call that makes it, compares by value and travels to worker processes.
"""

import functools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from senet.data.transforms.evaluation import FILTERS, Interpolation

Transform = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class RandomResizedCrop:
    """A random part of the image, brought to one size (Szegedy et al. 2015).

    Ten boxes are drawn, area uniform, aspect uniform in its logarithm, until one lies inside the image; else the
    centre of the nearest possible aspect is taken, as torchvision does.

    Args:
        size: Height and width of the result.
        area: Smallest and largest share of the image.
        aspect: Smallest and largest width over height.
        interpolation: Of the resize.
    """

    size: int = 224
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"

    def __call__(self, image: Image.Image) -> Image.Image:
        """Crop before anything else touches the pixels that are thrown away."""
        return image.crop(self.box(*image.size)).resize((self.size, self.size), FILTERS[self.interpolation])

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Draw left, top, right and bottom from Python's generator: ten times faster than a tensor a number."""
        low, high = (math.log(aspect) for aspect in self.aspect)
        for _ in range(10):
            area, aspect = width * height * random.uniform(*self.area), math.exp(random.uniform(low, high))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                left, top = random.randint(0, width - w), random.randint(0, height - h)
                return left, top, left + w, top + h
        return self._centre(width, height)

    def _centre(self, width: int, height: int) -> tuple[int, int, int, int]:
        least, most = self.aspect
        w, h = min(width, round(height * most)), min(height, round(width / least))
        left, top = (width - w) // 2, (height - h) // 2
        return left, top, left + w, top + h


@dataclass(frozen=True)
class RandomCrop:
    """A window of a given size out of the image with a black border.

    Args:
        size: Height and width of the window, one number where they are the same.
        padding: Pixels on every side.
    """

    size: int | tuple[int, int]
    padding: int

    def __call__(self, image: Image.Image) -> Image.Image:
        """Crop."""
        from torchvision.transforms import v2  # slow to import

        return _built(v2.RandomCrop, self.size, self.padding)(image)


@dataclass(frozen=True)
class Flip:
    """A mirror image, with the given probability."""

    probability: float = 0.5

    def __call__(self, image: Image.Image) -> Image.Image:
        """Mirror left and right."""
        mirrored = random.random() < self.probability
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


@dataclass(frozen=True)
class Rotation:
    """A turn by up to so many degrees either way, bilinear, corners black."""

    degrees: float = 10.0

    def __call__(self, image: Image.Image) -> Image.Image:
        """Turn around the centre."""
        return image.rotate(random.uniform(-self.degrees, self.degrees), FILTERS["bilinear"])


@dataclass(frozen=True)
class PixelJitter:
    """An integer of up to ``amount`` levels either way, added to every pixel and channel by itself.

    With area 8-100%, aspect 3/4-4/3 and rotation by 10 degrees, what SENet's released models were trained with.
    """

    amount: int = 20

    def __call__(self, image: Image.Image) -> Image.Image:
        """Add and clip."""
        pixels = np.asarray(image).astype(np.int16)
        noise = torch.randint(-self.amount, self.amount + 1, pixels.shape, dtype=torch.int16)
        return Image.fromarray((pixels + noise.numpy()).clip(0, 255).astype(np.uint8))


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue, in random order, as torchvision has it.

    Args:
        brightness: Factor drawn from 1 - brightness to 1 + brightness.
        contrast: Likewise.
        saturation: Likewise.
        hue: Shift drawn from -hue to hue; at most 0.5.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.0

    def __call__(self, image: Image.Image) -> Image.Image:
        """Jitter."""
        from torchvision.transforms import v2  # slow to import

        return _built(v2.ColorJitter, self.brightness, self.contrast, self.saturation, self.hue)(image)


@dataclass(frozen=True)
class TrivialAugment:
    """One operation of random kind and strength (Mueller and Hutter 2021, arXiv 2103.10158), torchvision's wide set."""

    def __call__(self, image: Image.Image) -> Image.Image:
        """Apply it."""
        from torchvision.transforms import v2  # slow to import

        return _built(v2.TrivialAugmentWide)(image)


@functools.cache
def _built(kind: Callable[..., Transform], *arguments: float) -> Transform:
    """Make torchvision's module once a process, not once an image."""
    return kind(*arguments)


def imagenet_transforms(size: int = 224) -> tuple[Transform, ...]:
    """Return what ImageNet classifiers train with: a random resized crop and a flip."""
    return RandomResizedCrop(size), Flip()


def senet_transforms(size: int = 224) -> tuple[Transform, ...]:
    """Return what SENet's authors state for their released models."""
    return Rotation(10), RandomResizedCrop(size), Flip(), PixelJitter(20)
