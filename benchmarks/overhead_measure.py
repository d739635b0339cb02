"""How benchmarks/overhead.py compares two networks: seconds of pairs, or bytes kept for the backward pass."""

import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from interleaved import Clock, abba, kept, timed
from overhead_sides import Make, Prepare, Run, Shape, batch, settled

Found = dict[str, Any]  # "ratios" and "each", the sides' milliseconds or megabytes, by pair; "exact": not timed
Measure = Callable[[Make, Make, int], Found]
WINDOW = 0.05  # seconds that a clock runs at least: short passes are timed many at a time


def by_time(prepare: Prepare, builds: int = 3) -> Measure:
    """Return what times pairs; the sides are built several times: where their memory lies is part of the noise."""

    def measure(side: Make, base: Make, pairs: int) -> Found:
        found: list[tuple[float, float]] = []
        for number in range(builds):
            if share := len(range(number, pairs, builds)):
                found += timed_pairs(prepare, side, base, share)
        return as_found([(1000 * a, 1000 * b) for a, b in found], exact=False)

    return measure


def timed_pairs(prepare: Prepare, side: Make, base: Make, pairs: int) -> list[tuple[float, float]]:
    """Build both sides, check that they compute, and time them."""
    torch._dynamo.reset()
    runs = prepare(seeded(side)), prepare(seeded(base))
    check(*runs)
    seconds = max(min(timed(run) for _ in range(2)) for run in runs)
    passes = max(1, math.ceil(WINDOW / seconds))
    print(f"    {4 * pairs * passes * seconds:.1f} s", file=sys.stderr)
    return abba(clock(runs[0], passes), clock(runs[1], passes), pairs)


def clock(run: Callable[[], object], passes: int) -> Clock:
    return lambda: timed(run, passes)


def seeded(make: Make) -> nn.Module:
    torch.manual_seed(0)
    return make()


def check(side: Run, base: Run) -> None:
    """Warm both up, and see that they return finite values of one shape."""
    these, those = side(), base()
    assert these.shape == those.shape, (these.shape, those.shape)
    assert these.isfinite().all()
    assert those.isfinite().all()


def by_bytes(shape: Shape) -> Measure:
    """Return what counts the bytes that a forward pass in training keeps; they are the same each time."""

    def measure(side: Make, base: Make, pairs: int) -> Found:
        held = [kept(settled(seeded(make), shape), batch(shape)) / 1e6 for make in (side, base)]
        return as_found([(held[0], held[1])], exact=True)

    return measure


def as_found(each: list[tuple[float, float]], exact: bool) -> Found:
    return {"ratios": [a / b for a, b in each], "each": each, "exact": exact}
