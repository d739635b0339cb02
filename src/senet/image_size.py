"""Which images a network takes, or which part of it takes any: what a user can type where it does not take these."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from senet.utils.text import counted

PART = (
    "its submodule model.{0} takes images: use that, on the command line through a function that returns it, "
    "FILE.py:FUNCTION"
)
SIDES = (16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512)  # that are tried, pixels


def native_image_size(model: nn.Module) -> tuple[int, int] | None:
    """Return the height and width that a network says it is made for: patches' grid, else the library's note of it.

    Args:
        model: torchvision's transformers have ``image_size``, timm's models ``pretrained_cfg``, and patch embeddings
            ``img_size``.
    """
    grids = [size for module in model.modules() if (size := _pair(getattr(module, "img_size", None)))]
    if grids:
        return grids[0]
    if size := _pair(getattr(model, "image_size", None)):
        return size
    for name in ("pretrained_cfg", "default_cfg"):
        said = getattr(model, name, None)
        shape = said.get("input_size") if isinstance(said, Mapping) else None
        if isinstance(shape, tuple | list) and (size := _pair(shape[1:])):
            return size
    return None


def _pair(said: Any) -> tuple[int, int] | None:
    """Return two numbers, or one number twice."""
    if type(said) is int and said > 0:
        return said, said
    pair = isinstance(said, tuple | list) and len(said) == 2 and all(type(n) is int and n > 0 for n in said)
    return (said[0], said[1]) if pair else None


def image_size_remedy(model: nn.Module, image: tuple[int, ...]) -> str:
    """Say what to type where a network does not take images; empty where nothing of it is known to help.

    Args:
        model: Fails on them; left as it is.
        image: Channels, height and width.
    """
    if len(image) != 3:
        return ""
    channels, height, width = image
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None and {channels, first.in_channels} == {1, 3}:
        return (
            f"the network takes images of {counted(first.in_channels, 'channel')} (--in-channels {first.in_channels})"
        )
    takes = _taking(model, channels)
    own = native_image_size(model)
    if own is not None and own[0] == own[1] != height and takes(own[0]):
        return f"the network is made for images of {own[0]} x {own[0]} (--image-size {own[0]})"
    least = None if takes(max(height, width)) else _least(takes, max(height, width))
    if least:
        return f"the smallest image that the network takes is {least} x {least} (--image-size {least})"
    return "" if takes(height, width) else submodule_remedy(model, image)


def submodule_remedy(model: nn.Module, image: tuple[int, ...]) -> str:
    """Say which part of a network takes images alone; empty where none does, or the image is none."""
    part = image_submodule(model, image) if len(image) == 3 else ""
    return PART.format(part) if part else ""


def image_submodule(model: nn.Module, image: tuple[int, ...]) -> str:
    """Return the name of the part of a detector, or of another model of several inputs, that takes images alone.

    Args:
        model: Left as it is.
        image: Channels, height and width.

    Returns:
        Of the outermost modules that run on an image and hold most of the convolutions, the first; empty if none does.
    """
    most = _convolutions(model) / 2
    inner: list[tuple[str, nn.Module]] = [(name, part) for name, part in model.named_modules() if name]
    large = [(name, part) for name, part in inner if _convolutions(part) > most]
    return next((name for name, part in large if _taking(part, image[0])(*image[1:])), "")


def _convolutions(model: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in model.modules())


def _taking(model: nn.Module, channels: int) -> Callable[..., bool]:
    """Return whether a network runs on an image of a height, and a width where it is another, found on a copy."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))

    def takes(height: int, width: int | None = None) -> bool:
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                copy.deepcopy(model).eval()(torch.zeros(1, channels, height, width or height).to(like))
        except Exception:  # a model of somebody's may raise anything
            return False
        return True

    return takes


def _least(takes: Callable[[int], bool], side: int) -> int | None:
    """Return the least side above one that is too small; what takes a side is thought to take every larger one."""
    least = next((tried for tried in SIDES if tried > side and takes(tried)), None)
    if least is None:
        return None
    small = max((tried for tried in SIDES if tried < least), default=side)
    small = max(small, side)
    while least - small > 1:
        middle = (least + small) // 2
        small, least = (small, middle) if takes(middle) else (middle, least)
    return least
