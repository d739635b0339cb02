import math

import numpy as np
import pytest
from paired import one
from scipy import stats

from senet.study.statistics.paired import mean_interval

# Intervals against Student's tables and scipy.


def test_interval_of_two_values_by_hand():
    interval = mean_interval([1.0, 2.0])
    assert interval.mean == 1.5
    assert interval.low == pytest.approx(1.5 - 12.7062 * 0.5, abs=1e-3)
    assert interval.high == pytest.approx(1.5 + 12.7062 * 0.5, abs=1e-3)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 3, 8, 30])
def test_interval_equals_scipy(n, confidence):
    values = np.random.default_rng(n).normal(80, 2, n)
    expected = stats.t.interval(confidence, n - 1, loc=values.mean(), scale=stats.sem(values))
    found = mean_interval(values.tolist(), confidence)
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize(
    "values", [[], [90.0], [90.0, 90.0, 90.0], [90.0, math.nan], [1.0, math.inf], [0.1 + 0.2, 0.3]]
)
def test_no_interval_where_the_values_give_none(values):
    found = mean_interval(values)
    assert found.low is None
    assert found.high is None


# The sign-flip test of one variant by hand and against scipy.


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([1, 2], 2 / 4),
        ([1, -2], 4 / 4),
        ([1, 0], 4 / 4),
        ([1, 2, 3], 2 / 8),
        ([1, 2, -1], 6 / 8),  # |sum| is 2; of +-1+-2+-1, 4 of 8 give 2 and 2 give 4
        ([1, 2, -3], 8 / 8),
        ([3, 4, -1, 2], 4 / 16),  # |sum| is 8: it, the 10 of all plus, and their negatives
        ([0, 0, 0], 8 / 8),
        ([5, 5, 5, 5], 2 / 16),
    ],
)
def test_p_of_one_variant_by_hand(values, p):
    assert one(values).p == p


@pytest.mark.parametrize("n", [4, 7, 14])
def test_p_of_one_variant_equals_scipy(n):
    rng = np.random.default_rng(n)
    with_block, without = rng.normal(1, 1, n), rng.normal(0, 1, n)
    found = stats.permutation_test(
        (with_block, without),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert one(with_block - without).p == pytest.approx(found.pvalue)


def test_one_comparison_has_students_interval():
    values = [0.3, 0.5, 0.9, 0.2, 0.4, 0.8, 0.6, 0.1]
    found, expected = one(values), mean_interval(values)
    assert found.p == 2 / 256
    assert found.difference == expected


# Several variants against a slow reading of the step-down procedure.
