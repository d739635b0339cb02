"""The sentence that a comparison supports, and no more than that."""

from collections.abc import Mapping
from typing import Literal

from senet.study.statistics import ALPHA, smallest_p
from senet.study.summary import Comparison, Interval
from senet.study.words import interval_text, p_text, points

Outcome = Literal["better", "worse", "no difference shown", "cannot decide", "not enough runs"]


def outcome(comparison: Comparison) -> Outcome:
    """Return what the evidence supports, in a word or three."""
    if comparison.p is None:
        return "not enough runs"
    if comparison.p <= ALPHA:
        return "better" if comparison.difference.mean > 0 else "worse"
    return "cannot decide" if smallest_p(comparison.pairs) > ALPHA else "no difference shown"


def verdict(variant: str, baseline: str, comparison: Comparison, *, variants: int = 1) -> str:
    """Return the sentence for one comparison.

    Args:
        variant: Its name.
        baseline: The name of what it is compared with.
        comparison: From :func:`senet.study.statistics.compare`.
        variants: How many the study compares with the baseline; from two on, p is called corrected.
    """
    found, n = outcome(comparison), comparison.pairs
    if found == "not enough runs":
        return f"not enough runs: {variant} and {baseline} share {n} finished seed{'' if n == 1 else 's'}"
    difference, p = comparison.difference, comparison.p
    size = f"{variant} minus {baseline} is {_size(difference, p)}"
    if found == "cannot decide":
        return f"n={n} seeds cannot decide: the smallest possible p is {smallest_p(n):g} ({size})"
    correction = " after correction" if variants > 1 else ""
    evidence = f"p{_equals(p_text(p or 0.0))}{correction}"
    if found == "no difference shown":
        return f"no difference shown at n={n}: {size}, {evidence}"
    by = difference if found == "better" else _negative(difference)
    return f"{variant} {found} than {baseline} by {_size(by, p)}, {evidence}"


def verdicts(baseline: str, comparisons: Mapping[str, Comparison]) -> tuple[str, ...]:
    """Return one sentence for each comparison of a study, in their order."""
    return tuple(verdict(name, baseline, c, variants=len(comparisons)) for name, c in comparisons.items())


def _size(difference: Interval, p: float | None) -> str:
    return f"{points(difference.mean)} points {interval_text(difference, p)}"


def _negative(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return Interval(-interval.mean, None if high is None else -high, None if low is None else -low)


def _equals(text: str) -> str:
    return text if text.startswith("<") else f"={text}"
