"""What the machine reaches: bytes a second over maps of a size, multiply-adds a second of products and convolutions."""

import statistics
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from interleaved import timed

REPEATS, WINDOW = 7, 0.02
SIDE = 2048
BATCH = 8
SIZES = (2**18, 2**21, 2**24, 2**25, 2**27)  # bytes of one map
CONVOLUTIONS = {  # as ResNet-50 has them: in, out, kernel, side of the map
    "1x1, 64 to 256 at 56": (64, 256, 1, 56),
    "3x3, 64 to 64 at 56": (64, 64, 3, 56),
    "1x1, 256 to 1024 at 14": (256, 1024, 1, 14),
    "3x3, 256 to 256 at 14": (256, 256, 3, 14),
    "1x1, 512 to 2048 at 7": (512, 2048, 1, 7),
    "3x3, 512 to 512 at 7": (512, 512, 3, 7),
}


def seconds(work: Callable[[], object]) -> float:
    """Return the median of some times of a short piece of work, after it has been done once."""
    work()
    passes = max(1, round(WINDOW / timed(work)))
    return statistics.median(timed(work, passes) for _ in range(REPEATS))


def floats(count: int) -> Tensor:
    return torch.randn(max(1, count // 4))


def reading(count: int) -> float:
    """Bytes a second of a sum over one map."""
    x = floats(count)
    return count / seconds(x.sum)


def copying(count: int) -> float:
    """Bytes a second of a copy into what is there, one map read and one written."""
    x, y = floats(count), floats(count)
    return 2 * count / seconds(lambda: y.copy_(x))


def in_place(count: int) -> float:
    """Bytes a second of y += x, two maps read and one written."""
    x, y = floats(count), floats(count)
    return 3 * count / seconds(lambda: y.add_(x, alpha=1e-6))


def fresh(count: int) -> float:
    """Bytes a second of x + y, whose result is allocated."""
    x, y = floats(count), floats(count)
    return 3 * count / seconds(lambda: x + y)


@cache
def fastest(count: int) -> float:
    """Bytes a second of the fastest of these that allocate nothing."""
    return max(kind(count) for kind in (reading, copying, in_place))


def bandwidth_rows() -> list[tuple[str, ...]]:
    """Gigabytes a second by size."""
    kinds = (reading, copying, in_place, fresh)
    rows = [(f"{size / 2**20:g} MiB", *(f"{kind(size) / 1e9:.1f}" for kind in kinds)) for size in SIZES]
    return [("map", "sum of x", "copy of x", "y += x", "x + y, fresh"), *rows]


@cache
def rates() -> dict[str, float]:
    """Multiply-adds a second of a product of square matrices, and of convolutions."""
    found = {name: convolution_rate(*layer) for name, layer in CONVOLUTIONS.items()}
    left, right, out = (torch.randn(SIDE, SIDE) for _ in range(3))
    with torch.inference_mode():
        product = SIDE**3 / seconds(lambda: torch.mm(left, right, out=out))
    return {f"product of side {SIDE}": product, **found}


def best_rate() -> float:
    """Multiply-adds a second of the fastest of them."""
    return max(rates().values())


def convolution_rate(in_channels: int, out_channels: int, kernel: int, side: int) -> float:
    """Multiply-adds a second of a convolution, channels_last."""
    x = torch.randn(BATCH, in_channels, side, side).to(memory_format=torch.channels_last)
    weight = torch.randn(out_channels, in_channels, kernel, kernel).to(memory_format=torch.channels_last)
    work = BATCH * side**2 * kernel**2 * in_channels * out_channels
    with torch.inference_mode():
        return work / seconds(lambda: F.conv2d(x, weight, padding=kernel // 2))


def rate_rows() -> list[tuple[str, ...]]:
    """Billions of multiply-adds a second, and the share of the best."""
    rows = [(name, f"{rate / 1e9:.1f}", f"{100 * rate / best_rate():.0f}%") for name, rate in rates().items()]
    return [("", "G multiply-adds/s", "of the best"), *rows]
