"""How wide a gate's hidden layer is: the rules that people use, and the refusal of none at all."""

from collections.abc import Callable
from typing import Any

from senet.errors import UsageError


def check_hidden(channels: int, hidden: int) -> None:
    """Refuse a gate without hidden units: it would be the same constant for every image."""
    if hidden < 1:
        raise UsageError(f"a gate over {channels} channels needs at least 1 hidden unit, got {hidden}")


def floor(channels: int, reduction: int) -> int:
    """C // r: the paper, the authors' Caffe files and most code."""
    return channels // reduction


def round8(channels: int, reduction: int) -> int:
    """Nearest multiple of 8, at least 8: timm's SEModule."""
    return max(8, int(channels / reduction + 4) // 8 * 8)


def make_divisible(channels: int, reduction: int) -> int:
    """Nearest multiple of 8, at least 8 and never more than 10% below C / r: MobileNetV3 and torchvision."""
    rounded = max(8, (channels // reduction + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * (channels // reduction) else rounded


def hidden_units(spec: Any, channels: int, hidden: int) -> int:
    """Pass a hidden width through, or say which reduction would leave one."""
    if hidden < 1:
        minimum = "; or set minimum=1" if hasattr(spec, "minimum") else ""
        raise UsageError(
            f"{type(spec).__name__}: {channels} channels at reduction={spec.reduction} leave {hidden} hidden units",
            do=f"{channels} is the largest reduction that works for {channels} channels{minimum}",
        )
    return hidden


WIDTHS: dict[str, Callable[[int, int], int]] = {
    "floor": floor,
    "round8": round8,
    "make_divisible": make_divisible,
}
