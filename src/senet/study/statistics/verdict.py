"""The sentence that a comparison supports, and no more than that; then its numbers."""

from collections.abc import Mapping
from typing import Literal

from senet.page.head import Verdict
from senet.study.report.words import interval_text, p_text, points
from senet.study.statistics.paired import ALPHA, smallest_p
from senet.study.statistics.power import MOST_SEEDS, least_seeds, seeds_to_show, smallest_difference
from senet.study.summary import Comparison
from senet.utils.text import counted

Outcome = Literal["better", "worse", "no difference shown", "cannot decide", "not enough runs"]


def outcome(comparison: Comparison) -> Outcome:
    """Return what the evidence supports, in a word or three."""
    if comparison.p is None:
        return "not enough runs"
    if comparison.p <= ALPHA:
        return "better" if comparison.difference.mean > 0 else "worse"
    return "cannot decide" if smallest_p(comparison.pairs) > ALPHA else "no difference shown"


def verdict(variant: str, baseline: str, comparison: Comparison, *, variants: int = 1) -> Verdict:
    """Return the sentence for one comparison, and the numbers that it stands on.

    Args:
        variant: Its name.
        baseline: The name of what it is compared with.
        comparison: From :func:`senet.study.statistics.paired.compare_with_baseline`.
        variants: How many the study compares with the baseline; from two on, p is called corrected.
    """
    found, n = outcome(comparison), comparison.pairs
    shared, evidence = counted(n, "paired seed"), _evidence(comparison, variants)
    if found == "not enough runs":
        seeds = counted(n, "finished seed")
        return Verdict(f"There are too few runs to compare {variant} with {baseline}.", f"They share {seeds}.")
    if found == "cannot decide":
        sentence = f"{counted(n, 'seed')} cannot decide whether {variant} differs from {baseline}."
        least = f"The smallest p in reach is {smallest_p(n):g}; {least_seeds()} seeds are the least that can decide."
        return Verdict(sentence, f"{evidence}. {least}{_within_reach(comparison, variants)}")
    if found == "no difference shown":
        sentence = f"No difference between {variant} and {baseline} is shown by {shared}."
        return Verdict(sentence, f"{evidence}.{_within_reach(comparison, variants)}")
    return Verdict(f"{variant} is {found} than {baseline}.", f"{evidence}, over {shared}.")


def verdicts(baseline: str, comparisons: Mapping[str, Comparison]) -> tuple[Verdict, ...]:
    """Return a verdict for each comparison of a study, in their order."""
    return tuple(verdict(name, baseline, c, variants=len(comparisons)) for name, c in comparisons.items())


def _evidence(comparison: Comparison, variants: int) -> str:
    """Return ``+0.42 points [0.18, 0.65], p=0.031 after correction``."""
    difference, p = comparison.difference, comparison.p
    if p is None:
        return ""
    correction = " after correction" if variants > 1 else ""
    size = f"{points(difference.mean, sign=True)} points {interval_text(difference, p)}"
    return f"{size}, p{_equals(p_text(p))}{correction}"


def _within_reach(comparison: Comparison, variants: int) -> str:
    """Return what such a study can see and how many seeds the difference found would take, as sentences."""
    n = max(comparison.pairs, least_seeds())
    smallest = smallest_difference(comparison.spread or 0.0, n, variants)
    if smallest is None:
        return ""
    seen = f"a true difference of {points(smallest)} points would be seen 4 times in 5"
    return f" With {n} seeds and this spread, {seen}{_seeds_to_show(comparison, smallest, variants)}."


def _seeds_to_show(comparison: Comparison, smallest: float, variants: int) -> str:
    """Return the seeds for the difference found, were it the true one; nothing where these would do."""
    difference = abs(comparison.difference.mean)
    if not 0 < difference < smallest:
        return ""
    n = seeds_to_show(difference, comparison.spread or 0.0, variants)
    number = f"more than {MOST_SEEDS}" if n is None else f"{n:,}"
    return f"; one of {points(difference)} would take {number} seeds"


def _equals(text: str) -> str:
    return text if text.startswith("<") else f"={text}"
