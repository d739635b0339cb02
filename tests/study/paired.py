"""Studies as matrices (seeds, variants) of paired differences, and noise to fill them."""

import math

import numpy as np

from senet.study.statistics.max_t import PairedDifferences, step_down_p
from senet.study.statistics.paired import compare_with_baseline


def by_seed(values):
    return dict(enumerate(values))


def one(values):
    return compare_with_baseline({"SE": by_seed(values)})["SE"]


def as_study(matrix):
    return {f"v{j}": by_seed(column) for j, column in enumerate(np.asarray(matrix).T)}


def contradicts(comparison):
    """An interval on one side of zero without a rejection, or on both sides with one."""
    low, high = comparison.difference.low, comparison.difference.high
    if low is None:
        return False
    if comparison.p <= 0.05:
        return low < 0 < high
    return not low <= 0 <= high


def covers(comparison, effect):
    """Zero is left out of an interval that a rejection cuts there."""
    low, high = comparison.difference.low, comparison.difference.high
    return low <= effect <= high and not (effect == 0 and comparison.p <= 0.05)


def corrected_p(matrix):
    return step_down_p(table(matrix))


def table(matrix):
    return PairedDifferences(np.asarray(matrix, dtype=float), np.ones(np.shape(matrix), dtype=bool))


def noise(rng, n, variants, draw=np.random.Generator.standard_normal):
    """A baseline that all share, so that the differences are correlated, and spreads that differ fourfold."""
    return draw(rng, size=(n, 1)) + draw(rng, size=(n, variants)) * np.linspace(0.5, 2, variants)


def skewed(rng, size):
    return rng.exponential(size=size) - 1


def equally_correlated(rng, n, variants, correlation=0.5):
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal((n, variants))
    return math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own
