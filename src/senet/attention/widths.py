"""How wide a gate's hidden layer is: the rules that people use, and the refusal of none at all."""

from collections.abc import Callable
from typing import Any

from senet.errors import UsageError
from senet.utils.text import counted


def check_channels(spec: object, channels: int) -> None:
    """Refuse a map without channels, where no hidden width says it."""
    if channels < 1:
        raise UsageError(f"{spec} cannot be built for {channels} channels")


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


def hidden_units(spec: Any, channels: int, hidden: int, least: int = 1) -> int:
    """Pass a hidden width through, or say which reduction would leave enough.

    Args:
        spec: With a reduction.
        channels: C.
        hidden: The width.
        least: The least that a block can use.

    Raises:
        UsageError: It is below that.
    """
    if hidden >= least:
        return hidden
    units = counted(hidden, "hidden unit")
    what = f"{type(spec).__name__}: {channels} channels at reduction={spec.reduction} leave {units}"
    works = f"{channels // least} is the largest reduction that works for {channels} channels"
    minimum = "; or set minimum=1" if hasattr(spec, "minimum") else ""
    raise UsageError(
        what if least == 1 else f"{what}; with fewer than {least} it would be the same for every image",
        do=f"{works}{minimum}" if channels >= least else f"it takes {least} channels",
    )


WIDTHS: dict[str, Callable[[int, int], int]] = {
    "floor": floor,
    "round8": round8,
    "make_divisible": make_divisible,
}
