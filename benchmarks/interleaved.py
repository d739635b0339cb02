"""Two things timed against each other, in turn, in one process: A B B A, then B A A B, so that drift cancels.

Also what is said of such ratios (median, quartiles, an interval of the median), and what a forward pass keeps.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Clock = Callable[[], float]  # does something, and returns the seconds that it took
WARM = 2


def timed(work: Callable[[], object], passes: int = 1) -> float:
    """Return the seconds of one pass, the mean of some."""
    start = time.perf_counter()
    for _ in range(passes):
        work()
    return (time.perf_counter() - start) / passes


def abba(a: Clock, b: Clock, count: int) -> list[tuple[float, float]]:
    """Return pairs of seconds of a and b, each the mean of two; garbage is collected between pairs, not within."""
    for clock in (a, b) * WARM:
        clock()
    gc.collect()
    gc.freeze()  # what lives through all pairs need not be looked at in each
    gc.disable()
    try:
        return [_pair(a, b) if number % 2 == 0 else _pair(b, a)[::-1] for number in range(count)]
    finally:
        gc.enable()
        gc.unfreeze()


def _pair(first: Clock, second: Clock) -> tuple[float, float]:
    gc.collect()
    outer = first()
    inner = second() + second()
    return (outer + first()) / 2, inner / 2


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval of the median from order statistics; of fewer than 6 values least and most, which hold less.

    The k-th least and the k-th greatest of n values enclose the median but for twice the chance that fewer than k of n
    fair coins fall on one side; k is the greatest that leaves ``confidence``.
    """
    n, k, outside = len(values), 0, 0.0
    while 2 * (outside := outside + math.comb(n, k) / 2**n) <= 1 - confidence:
        k += 1
    ordered, k = sorted(values), max(k, 1)
    return ordered[k - 1], ordered[n - k]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median, upper quartile, of one value too."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return low, middle, high


def kept(model: nn.Module, x: Tensor) -> int:
    """Return the bytes that a forward pass in training keeps for the backward pass, without the parameters."""
    held: dict[int, int] = {}

    def pack(value: Tensor) -> Tensor:
        held[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        out = model.train()(x)
    del out
    for parameter in model.parameters():
        held.pop(parameter.untyped_storage().data_ptr(), None)
    return sum(held.values())
