"""The sentence that a comparison supports, and no more than that."""

from collections.abc import Mapping
from typing import Literal

from senet.study.power import MOST_SEEDS, least_seeds, seeds_to_show, smallest_difference
from senet.study.statistics import ALPHA, smallest_p
from senet.study.summary import Comparison, Interval
from senet.study.words import interval_text, p_text, points
from senet.text import counted

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
        return f"not enough runs: {variant} and {baseline} share {counted(n, 'finished seed')}"
    difference, p = comparison.difference, comparison.p
    size = f"{variant} minus {baseline} is {_size(difference, p)}"
    if found == "cannot decide":
        least = f"n={n} seeds cannot decide: the smallest possible p is {smallest_p(n):g} ({size})"
        return f"{least}; {least_seeds()} seeds are the least that can{_within_reach(comparison, variants)}"
    correction = " after correction" if variants > 1 else ""
    evidence = f"p{_equals(p_text(p or 0.0))}{correction}"
    if found == "no difference shown":
        return f"no difference shown at n={n}: {size}, {evidence}{_within_reach(comparison, variants)}"
    by = difference if found == "better" else _negative(difference)
    return f"{variant} {found} than {baseline} by {_size(by, p)}, {evidence}"


def verdicts(baseline: str, comparisons: Mapping[str, Comparison]) -> tuple[str, ...]:
    """Return one sentence for each comparison of a study, in their order."""
    return tuple(verdict(name, baseline, c, variants=len(comparisons)) for name, c in comparisons.items())


def _within_reach(comparison: Comparison, variants: int) -> str:
    """Return what such a study can see and how many seeds the difference found would take, as clauses."""
    n = max(comparison.pairs, least_seeds())
    smallest = smallest_difference(comparison.spread or 0.0, n, variants)
    if smallest is None:
        return ""
    seen = f"the smallest difference that would be seen 4 times in 5 is {points(smallest)} points"
    return f"; with n={n} and this spread, {seen}{_seeds_to_show(comparison, smallest, variants)}"


def _seeds_to_show(comparison: Comparison, smallest: float, variants: int) -> str:
    """Return the seeds for the difference found, were it the true one; nothing where these would do."""
    difference = abs(comparison.difference.mean)
    if not 0 < difference < smallest:
        return ""
    n = seeds_to_show(difference, comparison.spread or 0.0, variants)
    number = f"more than {MOST_SEEDS} seeds" if n is None else f"n={n}"
    return f"; a true difference of {points(difference)} would take {number}"


def _size(difference: Interval, p: float | None) -> str:
    return f"{points(difference.mean)} points {interval_text(difference, p)}"


def _negative(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return Interval(-interval.mean, None if high is None else -high, None if low is None else -low)


def _equals(text: str) -> str:
    return text if text.startswith("<") else f"={text}"
