"""Numbers as text, the same in the table, the report and the sentences."""

import math

from senet.study.statistics.paired import ALPHA
from senet.study.summary import Interval
from senet.utils.text import seconds_text as seconds_text  # durations are written alike everywhere


def points(value: float | None, *, sign: bool = False) -> str:
    """Return points of accuracy to two decimals, or to one digit where two decimals would show zero."""
    if value is None or not math.isfinite(value):
        return "n/a"
    digits = ".2f" if abs(value) >= 0.005 or value == 0 else ".1g"
    return format(value + 0.0, f"{'+' if sign and value else ''}{digits}")


def interval_text(interval: Interval, p: float | None = None) -> str:
    """Return ``[0.18, 0.65]``; a round bracket at zero where p says that zero itself is ruled out."""
    if interval.low is None or interval.high is None:
        return "[n/a]"
    open_end = p is not None and p <= ALPHA
    left = "(" if open_end and interval.low == 0 else "["
    right = ")" if open_end and interval.high == 0 else "]"
    return f"{left}{points(interval.low)}, {points(interval.high)}{right}"


def p_text(p: float) -> str:
    """Return p to three decimals, two digits below 0.01, or as many as keep it on its side of 0.05."""
    if p < 0.001:
        return "<0.001"
    short = format(p, ".3f") if p >= 0.01 else format(p, ".2g")
    shown = short if (float(short) <= ALPHA) == (p <= ALPHA) else format(p, ".4g")
    return shown.rstrip("0").rstrip(".")


def count_text(value: float) -> str:
    """Return a count in three digits and a unit: 950, 77.9 k, 12.5 M, 3.86 G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size * 0.9995:
            return f"{format(value / size, '#.3g').rstrip('.')} {unit}"
    return f"{value:g}"


def mark_uncounted(counted: str, uncounted: str) -> str:
    """Mark a number of multiply-adds that lacks an operator."""
    return f"{counted} +?" if uncounted else counted


def latency_text(milliseconds: float | None) -> str:
    """Return a variant's latency."""
    return "not timed" if milliseconds is None else f"{milliseconds:.3g} ms"
