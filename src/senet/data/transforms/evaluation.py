"""The evaluation side of a network's input: size, crop, scale; as data, so that it travels with the weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from senet.errors import DataError

Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos"]
ChannelOrder = Literal["RGB", "BGR"]

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Where weights say nothing else: a crop of 224 out of a short side of 256 (Krizhevsky et al. 2012).
SIZE, SHARE = 224, 0.875
CACHED = 2**17  # floats: 512 KiB


@dataclass(frozen=True)
class InputTransform:
    """How an image file becomes the network's input.

    Args:
        size: Height and width of the input.
        resize: Length that the image's short side is brought to before the centre is cropped; longer where the crop
            would not fit. Images that are as large as the crop stay as they are if this is their short side.
        mean: Subtracted per channel, in the network's channel order, in units of ``range``.
        std: What is left is divided by it.
        interpolation: Of the resize; always antialiased.
        channel_order: ``RGB``, or ``BGR`` for networks trained by Caffe.
        range: Largest pixel value that mean and deviation are stated for, 1 or 255.
    """

    size: tuple[int, int]
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "RGB"
    range: int = 1

    def __post_init__(self) -> None:
        _require(len(self.mean) == len(self.std) and bool(self.mean), f"mean={self.mean}, std={self.std}")
        _require(all(math.isfinite(v) for v in self.mean), f"mean={self.mean}")
        _require(all(math.isfinite(v) and v > 0 for v in self.std), f"std={self.std}")
        _require(min(self.size) >= 1, f"size={self.size}")
        _require(self.resize >= min(self.size), f"resize={self.resize} below size={self.size}")
        _require(self.interpolation in FILTERS, f"interpolation={self.interpolation!r}")
        _require(self.channel_order in get_args(ChannelOrder), f"channel_order={self.channel_order!r}")
        _require(self.range in (1, 255), f"range={self.range}")

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return len(self.mean)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the network's input."""
        return self.channels, *self.size

    def cropped(self, image: Image.Image) -> Image.Image:
        """Resize an image by its short side and cut out the centre; a network of one channel sees the luminance.

        The pixels are those of torchvision's Resize and CenterCrop on a PIL image.
        """
        image = image.convert("L") if self.channels == 1 else image
        return centre_crop(resize_short(image, self._short(image), self.interpolation), self.size)

    def _short(self, image: Image.Image) -> int:
        """Return what the short side becomes: ``resize``, or what it takes for the crop to fit."""
        height, width = self.size
        short = min(image.size)
        return max(self.resize, math.ceil(height * short / image.height), math.ceil(width * short / image.width))

    def pixels(self, image: Image.Image) -> Tensor:
        """Return what :meth:`cropped` leaves of an image, (channels, H, W) uint8."""
        return to_tensor(self.cropped(image))

    def normalise(self, images: Tensor) -> Tensor:
        """(B, C, H, W) uint8 RGB -> float32 in the network's order and scale, in channels_last."""
        ordered = images.flip(1) if self.channel_order == "BGR" else images
        if images.device.type == "cpu":
            return _scaled_in_parts(ordered, 255 // self.range, self.mean, self.std)
        scaled = ordered.to(torch.float32, memory_format=torch.channels_last)
        mean, std = (torch.tensor(v, device=images.device)[:, None, None] for v in (self.mean, self.std))
        return scaled.div_(255 // self.range).sub_(mean).div_(std)

    def to_dict(self) -> dict[str, Any]:
        """Return the transform as JSON holds it."""
        return asdict(self)


def _scaled_in_parts(images: Tensor, largest: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Scale on the CPU, a run of images after the other, so that its floats stay in a core's cache over the passes.

    By NumPy, for two reasons: its large arrays ask for huge pages (a batch of photographs is given back to the system
    when it is dropped, and in pages of 4 KiB getting the next one takes longer than all the arithmetic), and it starts
    no threads, which would wait for cores that decoding workers keep busy.
    """
    pixels = images.permute(0, 2, 3, 1).numpy()
    batch, height, width, channels = pixels.shape
    scaled = np.empty(pixels.shape, np.float32)
    # A row of pixels and channels is one run in memory: twice as fast as broadcasting over three channels.
    rows = scaled.reshape(batch, height, width * channels)
    subtracted, divisor = (np.tile(np.asarray(v, np.float32), width) for v in (mean, std))
    count = max(1, CACHED // max(1, height * width * channels))
    for first in range(0, batch, count):
        part = slice(first, first + count)
        scaled[part] = pixels[part]
        row = rows[part]
        row /= np.float32(largest)
        row -= subtracted
        row /= divisor
    return torch.from_numpy(scaled).permute(0, 3, 1, 2)


def resize_short(image: Image.Image, length: int, interpolation: Interpolation = "bilinear") -> Image.Image:
    """Bring the short side to a length and keep the aspect; the long side is rounded down, as torchvision does."""
    short = min(image.size)
    width, height = (length if side == short else int(length * side / short) for side in image.size)
    return image.resize((width, height), FILTERS[interpolation])


def centre_crop(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Cut the centre out of an image that is not smaller than (height, width)."""
    left, top = round((image.width - size[1]) / 2), round((image.height - size[0]) / 2)
    return image.crop((left, top, left + size[1], top + size[0]))


def to_tensor(image: Image.Image) -> Tensor:
    """Return the pixels of a PIL image of 8 bits, (C, H, W) uint8."""
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def to_image(pixels: Tensor) -> Image.Image:
    """Return pixels, (1 or 3, H, W) uint8, as a PIL image."""
    return Image.fromarray((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).contiguous().numpy())


def from_dict(said: Mapping[str, Any], where: str = "") -> InputTransform:
    """Read a transform, or what the weights of other projects say of theirs (timm's ``input_size``, ``crop_pct``).

    Where nothing is said, the input is 224 x 224, cut out of 256; a size without a resize is the whole image.

    Args:
        said: JSON-ready; ``mean`` and ``std`` at least. Keys beyond ours and timm's are ignored.
        where: The file, for the error.

    Raises:
        DataError: No mean and deviation, or values that cannot be.
    """
    try:
        size = _size(said)
        known = {key: said[key] for key in ("interpolation", "channel_order", "range") if key in said}
        mean, std = (tuple(float(v) for v in said[key]) for key in ("mean", "std"))
        return InputTransform(size, _resize(said, size), mean, std, **known)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"not an input transform: {error!r}", where=where, do="it needs size, mean and std") from error


def _size(said: Mapping[str, Any]) -> tuple[int, int]:
    height, width = said["size"] if "size" in said else said.get("input_size", (3, SIZE, SIZE))[1:]
    return int(height), int(width)


def _resize(said: Mapping[str, Any], size: tuple[int, int]) -> int:
    if said.get("resize") is not None:
        return int(said["resize"])
    share = float(said.get("crop_pct") or (1.0 if "size" in said else SHARE))
    _require(0 < share <= 1, f"crop_pct={share}")
    return max(math.floor(max(size) / share), *size)


def _require(holds: bool, value: str) -> None:
    if not holds:
        raise DataError(f"input transform: {value} is impossible")
