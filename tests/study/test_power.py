import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import corrected_p, equally_correlated
from scipy import stats

from senet.study.statistics.power import (
    MOST_SEEDS,
    least_seeds,
    power,
    seeds_to_show,
    smallest_difference,
    too_few_seeds,
)


def observed(effect, n, comparisons, studies):
    """Return how often the first variant is found, with its sign, beside others without effect."""
    rng = np.random.default_rng(n + comparisons)
    found = 0
    for _ in range(studies):
        study = equally_correlated(rng, n, comparisons)
        study[:, 0] += effect
        found += corrected_p(study)[0] <= 0.05 and study[:, 0].mean() > 0
    return found / studies


# Power as predicted.


@pytest.mark.parametrize("comparisons", [1, 3, 20])
@pytest.mark.parametrize("n", [6, 7, 8, 10])
def test_the_smallest_difference_is_found_4_times_in_5(n, comparisons):
    effect = smallest_difference(1.0, n, comparisons)
    assert power(effect, n, comparisons) == pytest.approx(0.8, abs=1e-4)
    assert observed(effect, n, comparisons, 1000) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("comparisons", [1, 3, 20])
@pytest.mark.parametrize("n", [6, 8])
def test_half_of_it_is_found_as_often_as_predicted(n, comparisons):
    effect = smallest_difference(1.0, n, comparisons) / 2
    assert observed(effect, n, comparisons, 1000) == pytest.approx(power(effect, n, comparisons), abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("comparisons", [1, 3, 20])
@pytest.mark.parametrize("n", [12, 14, 18])
def test_power_of_many_seeds(n, comparisons):
    effect = smallest_difference(1.0, n, comparisons)
    assert observed(effect, n, comparisons, 600) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("comparisons", [1, 3])
def test_the_seeds_proposed_show_the_difference(comparisons):
    n = seeds_to_show(1.2, 1.0, comparisons)
    assert n <= 11
    assert observed(1.2, n, comparisons, 1000) >= 0.76
    assert observed(1.2, n - 1, comparisons, 1000) <= 0.84


def test_beside_other_effects_there_is_no_less_power():
    rng = np.random.default_rng(0)
    effect = smallest_difference(1.0, 8, 3)
    assert fmean(corrected_p(equally_correlated(rng, 8, 3) + effect)[0] <= 0.05 for _ in range(1000)) >= 0.8


# Against closed forms.


@pytest.mark.parametrize("effect", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("n", [20, 50])
def test_power_of_many_seeds_is_students(n, effect):
    critical = stats.t.ppf(0.975, n - 1)
    assert power(effect, n) == pytest.approx(stats.nct.sf(critical, n - 1, effect * math.sqrt(n)), abs=0.005)


def test_power_of_many_comparisons_is_students_at_sidaks_level():
    critical = stats.t.ppf(1 - (1 - 0.95 ** (1 / 10)) / 2, 39)
    assert power(0.6, 40, 10) == pytest.approx(stats.nct.sf(critical, 39, 0.6 * math.sqrt(40)), abs=0.01)


def test_six_seeds_see_what_is_positive_six_times():
    assert power(1.0, 6) == pytest.approx(stats.norm.cdf(1.0) ** 6)
    assert smallest_difference(1.0, 6) == pytest.approx(stats.norm.ppf(0.8 ** (1 / 6)), abs=1e-5)


def test_the_least_seeds_are_six():
    assert least_seeds() == 6


# Properties and edges.

spreads = st.floats(1e-6, 1e3)
seeds = st.integers(6, 60)
families = st.integers(1, 30)


@settings(max_examples=60, deadline=None)
@given(spreads, seeds, families)
def test_more_seeds_see_less_and_more_comparisons_see_more(spread, n, comparisons):
    smallest = smallest_difference(spread, n, comparisons)
    assert smallest > smallest_difference(spread, n + 1, comparisons) > 0
    assert smallest_difference(spread, n, comparisons + 1) > smallest
    assert smallest == pytest.approx(spread * smallest_difference(1.0, n, comparisons))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.15, 5), spreads, families)
def test_the_seeds_proposed_are_the_fewest(effect, spread, comparisons):
    n = seeds_to_show(-effect * spread, spread, comparisons)
    assert power(effect, n, comparisons) >= 0.8 - 1e-9
    assert n == 6 or power(effect, n - 1, comparisons) < 0.8 + 1e-9


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_seeds_see_nothing_of_any_size(n):
    assert power(1e9, n) == 0
    assert smallest_difference(1.0, n) is None


@pytest.mark.parametrize("spread", [0.0, math.nan, math.inf])
def test_without_a_spread_nothing_is_said(spread):
    assert smallest_difference(spread, 8) is None
    assert seeds_to_show(1.0, spread) is None


@pytest.mark.parametrize("difference", [0.0, math.nan, math.inf])
def test_no_difference_takes_no_number_of_seeds(difference):
    assert seeds_to_show(difference, 1.0) is None


def test_no_more_than_a_thousand_seeds_are_proposed():
    reached = smallest_difference(1.0, MOST_SEEDS, 20)
    assert seeds_to_show(reached * 1.0001, 1.0, 20) == MOST_SEEDS
    assert seeds_to_show(reached * 0.9999, 1.0, 20) is None
    assert seeds_to_show(1e12, 1e-3, 20) == 6


# The warning before a study runs.


@pytest.mark.parametrize(
    ("n", "comparisons", "sentence"),
    [
        (
            5,
            3,
            "5 seeds cannot decide: the smallest p within reach is 0.0625; 6 seeds are the least that can decide at "
            "5%, and with 3 comparisons they see a difference of 2.5 standard deviations of the paired differences "
            "4 times in 5, 12 seeds one of 1.1",
        ),
        (
            1,
            1,
            "1 seed cannot decide: the smallest p within reach is 1; 6 seeds are the least that can decide at 5%, "
            "and with 1 comparison they see a difference of 1.8 standard deviations of the paired differences "
            "4 times in 5, 12 seeds one of 0.89",
        ),
    ],
)
def test_too_few_seeds_are_warned_of(n, comparisons, sentence):
    assert too_few_seeds(n, comparisons) == sentence


@pytest.mark.parametrize(("n", "comparisons"), [(6, 1), (6, 20), (100, 3), (3, 0), (1, 0)])
def test_no_warning_where_the_seeds_can_decide_or_nothing_is_compared(n, comparisons):
    assert too_few_seeds(n, comparisons) is None


@pytest.mark.parametrize("comparisons", [1, 3, 20])
def test_the_smallest_p_is_within_reach_of_all_comparisons_at_once(comparisons):
    study = equally_correlated(np.random.default_rng(0), 6, comparisons) + 1000
    assert corrected_p(study).tolist() == [2 / 64] * comparisons
