"""One image file to pixels: RGB, 8 bits, by stated rules, or an error that names the file."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from senet.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff", ".gif")


def decode(path: Path, size: int | None = None) -> Tensor:
    """Read an image as (3, H, W) uint8.

    Palette, grey, CMYK and transparent images are converted as Pillow does (transparency is dropped), 16-bit
    grey keeps its upper 8 bits, of an animation the first frame counts. The orientation that EXIF asks for is
    ignored, as torchvision's ImageFolder ignores it.

    Args:
        path: The file.
        size: Resize the short side to this and crop the centre to a square; None keeps the size.

    Raises:
        DataError: Missing, truncated, not an image, or larger than Pillow's pixel limit.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                pixels = _eight_bits(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(_reason(error), where=str(path), do="repair or remove the file") from error
    if size is not None:
        pixels = _square(pixels, size)
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))


def _square(image: Image.Image, size: int) -> Image.Image:
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    return image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image that Pillow can read"
    if isinstance(error, FileNotFoundError):
        return "no such image"
    return f"cannot read the image: {error}"
