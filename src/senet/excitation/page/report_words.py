"""Numbers and names as text, the same in the page and its figures."""

import math
from collections import Counter
from collections.abc import Sequence

from senet.excitation.summary import Estimate, GateSummary, ImageGroup
from senet.utils.modules import common_prefix
from senet.utils.text import counted, printable


def number(value: float) -> str:
    """Return three decimals, or two digits where those would show zero."""
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else f"{value:+}".replace("inf", "∞")
    return format(value, ".3f" if value == 0 or abs(value) >= 0.0005 else ".1e")


def share(value: float) -> str:
    """Return a share as a percentage; never 0% or 100% for what is neither."""
    if not math.isfinite(value):
        return "n/a"
    if 0 < value < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 < value < 1 else f"{100 * value:.1f}%"


def estimate(value: Estimate) -> str:
    """Return ``0.412 [0.380, 0.444]``."""
    return f"{number(value.value)} {interval(value)}" if math.isfinite(value.value) else "n/a"


def interval(value: Estimate) -> str:
    """Return ``[0.380, 0.444]``; ``[n/a]`` where the images cannot give one."""
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return "[n/a]"
    return f"[{number(value.low)}, {number(value.high)}]"


def size(count: int) -> str:
    """Return bytes in three digits and a decimal unit: 512 B, 12.4 kB, 3.1 MB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def titles(groups: Sequence[ImageGroup]) -> list[str]:
    """Return what groups are called, no two alike: classes of one title have their names beside it."""
    shown = [printable(group.title or group.name) for group in groups]
    twice = {title for title, times in Counter(shown).items() if times > 1}
    return [f"{t} ({printable(g.name)})" if t in twice else t for t, g in zip(shown, groups, strict=True)]


def labels(groups: Sequence[ImageGroup]) -> list[str]:
    """Return what :attr:`Excitation.groups` are called; the first one is all images."""
    return ["all images", *titles(groups[1:])]


def stages(gates: Sequence[GateSummary]) -> list[str]:
    """Return the stage that each gate's name begins with, empty where names tell of none.

    A stage is what follows the part that all names share, if it joins some gates and parts others.
    """
    paths = [gate.name.split(".") for gate in gates]
    end = len(common_prefix(paths)) + 1
    found = [".".join(path[:end]) for path in paths]
    return found if 1 < len(set(found)) < len(found) else [""] * len(found)


def short(names: Sequence[str]) -> list[str]:
    """Return what tells names of modules apart: without the parts that all end with, and those that all begin with."""
    paths = [name.split(".") for name in names]
    start, end = len(common_prefix(paths)), len(common_prefix([path[::-1] for path in paths]))
    shown = [".".join(path[start : len(path) - end]) for path in paths]
    return shown if all(shown) else [*names]


def rank(value: float) -> str:
    """Return an effective rank: one decimal, as no more is meant by it."""
    return f"{value:,.1f}" if math.isfinite(value) else "n/a"


def classes(groups: Sequence[ImageGroup]) -> str:
    """Return how many classes there are and how many of them have no image."""
    empty = sum(group.images == 0 for group in groups)
    return f"{counted(len(groups), 'class', 'classes')}, {f'{empty:,}' if empty else 'none'} of them without images."
