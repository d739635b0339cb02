"""Which images a network takes, where it does not take those that it was given: what a user can type instead."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

SIDES = (16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512)  # that are tried, pixels


def own_size(model: nn.Module) -> tuple[int, int] | None:
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


def remedy(model: nn.Module, image: tuple[int, ...]) -> str:
    """Say what to type where a network does not take images; empty where neither channels nor size are the reason.

    Args:
        model: Fails on them; left as it is.
        image: Channels, height and width.
    """
    if len(image) != 3:
        return ""
    channels, height, width = image
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None and {channels, first.in_channels} == {1, 3}:
        return f"--in-channels {first.in_channels}: the network takes images of so many channels"
    takes = _taking(model, channels)
    own = own_size(model)
    if own is not None and own[0] == own[1] != height and takes(own[0]):
        return f"--image-size {own[0]}: the network is made for images of {own[0]} x {own[0]}"
    least = None if takes(max(height, width)) else _least(takes, max(height, width))
    return f"--image-size {least}: the least that the network takes" if least else ""


def _taking(model: nn.Module, channels: int) -> Callable[[int], bool]:
    """Return whether a network runs on an image of a side, found by trying it on a copy."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))

    def takes(side: int) -> bool:
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                copy.deepcopy(model).eval()(torch.zeros(1, channels, side, side).to(like))
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
