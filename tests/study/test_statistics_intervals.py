"""Half widths of simultaneous intervals against closed forms, a slow reference and simulated studies."""

import math
from statistics import fmean

import numpy as np
import pytest
from paired import as_study, equally_correlated, noise, table
from scipy import stats

from senet.study.statistics.max_t import PairedDifferences
from senet.study.statistics.paired import compare_with_baseline
from senet.study.statistics.simultaneous import critical_t, noise_t


def full(n, variants):
    return np.ones((n, variants), dtype=bool)


def noise_point(present, correlation):
    return noise_t(present.tobytes(), present.shape[1], correlation, 0.05)


@pytest.mark.parametrize(("n", "variants"), [(6, 2), (6, 20), (8, 3), (16, 5)])
def test_independent_variants_have_sidaks_point(n, variants):
    expected = stats.t.ppf(1 - (1 - 0.95 ** (1 / variants)) / 2, n - 1)
    assert noise_point(full(n, variants), 0.0) == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize(("n", "variants"), [(6, 20), (8, 3)])
def test_variants_that_are_one_have_students_point(n, variants):
    assert noise_point(full(n, variants), 1.0) == pytest.approx(stats.t.ppf(0.975, n - 1), rel=0.015)


def slow_point(present, correlation, draws=20_000):
    """One study after another; another generator and another formula of t."""
    rng = np.random.default_rng(99)
    n, variants = present.shape
    covariance = np.full((variants, variants), correlation) + (1 - correlation) * np.eye(variants)
    values = rng.multivariate_normal(np.zeros(variants), covariance, (draws, n))
    each = [np.abs(stats.ttest_1samp(values[:, present[:, j], j], 0, axis=1).statistic) for j in range(variants)]
    return np.quantile(np.max(each, axis=0), 0.95)


def test_noise_with_missing_pairs_equals_the_slow_reference():
    present = full(9, 3)
    present[2, 0] = present[:3, 1] = False
    assert noise_point(present, 0.6) == pytest.approx(slow_point(present, 0.6), rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_a_study_has_the_half_width_of_its_mean_correlation(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal([0.0, 1.0, 5.0], [1, 0.5, 2], (7, 3)) + rng.normal(size=(7, 1))
    correlation = np.corrcoef(matrix.T)[np.triu_indices(3, 1)].mean()
    c = slow_point(full(7, 3), max(correlation, 0))
    for column, comparison in zip(matrix.T, compare_with_baseline(as_study(matrix)).values(), strict=True):
        far = max(abs(comparison.difference.low), abs(comparison.difference.high))  # the end that nothing moves
        assert (far - abs(column.mean())) / stats.sem(column) == pytest.approx(c, rel=0.02)


def test_scales_and_signs_of_all_leave_the_half_width():
    matrix = noise(np.random.default_rng(1), 8, 3)
    c = critical_t(table(matrix), 0.05)
    assert critical_t(table(matrix * [1e-200, 1, 1e100]), 0.05) == pytest.approx(c, rel=1e-9)  # rounded otherwise
    assert critical_t(table(-matrix + 7), 0.05) == pytest.approx(c, rel=1e-9)


def test_a_variant_without_spread_counts_for_nothing():
    matrix = noise(np.random.default_rng(1), 8, 3)
    beside = np.column_stack([matrix, np.full(8, 0.1)])
    assert critical_t(table(beside), 0.05) == pytest.approx(critical_t(table(matrix), 0.05), rel=1e-9)
    assert critical_t(table(beside[:, 2:]), 0.05) == pytest.approx(stats.t.ppf(0.975, 7))
    assert critical_t(table(np.full((8, 3), 0.1)), 0.05) == pytest.approx(stats.t.ppf(0.975, 7))


def test_fewer_pairs_ask_for_a_wider_interval():
    matrix = noise(np.random.default_rng(1), 12, 2)
    present = full(12, 2)
    present[6:, 0] = False
    some = PairedDifferences(np.where(present, matrix, 0), present)
    assert critical_t(some, 0.05) > critical_t(table(matrix), 0.05)


# Coverage before the verdict moves an end: every mean within c standard errors of the truth.


def holds(matrix):
    errors = matrix.std(axis=0, ddof=1) / math.sqrt(len(matrix))
    return np.abs(matrix.mean(axis=0) / errors).max() <= critical_t(table(matrix), 0.05)


SLOW = pytest.mark.slow
CASES = [(6, 3), *(pytest.param(*case, marks=SLOW) for case in ((8, 3), (16, 3), (6, 20), (8, 20), (16, 20)))]
LATER = [(6, 20), (8, 3), (16, 3), (8, 20), (16, 20)]


@pytest.mark.parametrize(("n", "variants"), CASES)
def test_coverage_in_studies_with_a_shared_baseline(n, variants):
    rng = np.random.default_rng(n)
    assert 0.93 <= fmean(holds(noise(rng, n, variants)) for _ in range(2000)) <= 0.97


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
@pytest.mark.parametrize(("n", "variants"), [(6, 3), *(pytest.param(*case, marks=SLOW) for case in LATER)])
def test_coverage_over_correlations(n, variants, correlation):
    rng = np.random.default_rng(n)
    assert 0.93 <= fmean(holds(equally_correlated(rng, n, variants, correlation)) for _ in range(2000)) <= 0.97


@pytest.mark.parametrize(("n", "variants"), [(6, 4), *(pytest.param(*case, marks=SLOW) for case in ((6, 20), (8, 20)))])
def test_coverage_where_half_the_variants_are_nearly_one(n, variants):
    """One correlation for all is wrong here; the intervals are then too wide, not too narrow."""
    rng = np.random.default_rng(n)

    def study():
        like = rng.standard_normal((n, 1)) + 0.1 * rng.standard_normal((n, variants // 2))
        return np.hstack([like, rng.standard_normal((n, variants // 2))])

    assert fmean(holds(study()) for _ in range(2000)) >= 0.93
