# Where there is little or nothing to test, and where sign flips are sampled.
import math
from statistics import stdev

import numpy as np
import pytest
from paired import as_study, by_seed, one

from senet.study.statistics import max_t
from senet.study.statistics.paired import compare_with_baseline, mean_interval, smallest_p
from senet.study.summary import Interval


def test_five_seeds_never_exclude_zero():
    found = one([1.0, 1.01, 0.99, 1.02, 0.98])
    assert found.p == 2 / 32
    assert found.difference.low == 0
    assert found.difference.high == mean_interval([1.0, 1.01, 0.99, 1.02, 0.98]).high


def test_a_rejection_that_students_interval_misses_claims_the_sign():
    values = [0.1, 0.1, 0.1, 0.2, 0.1, 5.0]
    assert mean_interval(values).low < 0
    assert one(values).p == 2 / 64
    assert one(values).difference.low == 0


def test_row_79_equal_differences_have_a_p_and_no_interval():
    found = compare_with_baseline({"a": by_seed([0.1 + 0.2] * 4 + [0.3] * 4), "b": by_seed([0.0] * 8)})
    assert (found["a"].p, found["a"].difference.low, found["a"].difference.high) == (2 / 256, None, None)
    assert (found["b"].p, found["b"].difference.low) == (1.0, None)


def test_a_variant_without_spread_leaves_the_others_intervals_alone():
    values = by_seed(np.random.default_rng(0).normal(1, 1, 8))
    noisy, exact = by_seed([0.1 + 0.2] * 4 + [0.3] * 4), by_seed([0.5] * 8)
    assert (
        compare_with_baseline({"a": values, "b": noisy})["a"] == compare_with_baseline({"a": values, "b": exact})["a"]
    )


def test_ties_by_rounding_count_as_reached():
    # 0.1 + 0.2 + 0.3 - 0.6 in another order: rounding alone must not make it significant.
    assert one([0.1, 0.2, 0.3, 0.6, -0.6, -0.3, -0.2]).p == one([1, 2, 3, 6, -6, -3, -2]).p


@pytest.mark.parametrize("values", [{}, {3: 0.5}])
def test_row_79_less_than_two_pairs_have_no_p(values):
    found = compare_with_baseline({"SE": values})["SE"]
    assert (found.p, found.difference.low, found.difference.high) == (None, None, None)
    assert found.pairs == len(values)


@pytest.mark.parametrize("n", [6, 8, 17])
def test_row_79_perfect_accuracy_in_both_shows_no_difference(n):
    found = one([100.0 - 100.0] * n)
    assert (found.p, found.difference, found.spread) == (1.0, Interval(0.0, None, None), None)


def test_row_79_perfect_accuracy_of_the_baseline_alone_is_an_ordinary_difference():
    losses = [97.2 - 100, 98.1 - 100, 97.7 - 100, 100.0 - 100, 96.9 - 100, 98.8 - 100]
    found = one(losses)
    assert found.p == 4 / 64  # the zero keeps its value under both signs
    assert found.difference.high == 0
    assert found.spread == pytest.approx(stdev(losses))


def test_spread_is_the_standard_deviation_of_the_pairs():
    found = compare_with_baseline({"a": by_seed([1.0, 2.0, 4.0]), "b": by_seed([0.5] * 3), "c": {0: 1.0}})
    assert (found["a"].spread, found["b"].spread, found["c"].spread) == (pytest.approx(stdev([1, 2, 4])), None, None)


def test_nothing_to_compare():
    assert compare_with_baseline({}) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_row_79_a_difference_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="'SE' at seed 1"):
        compare_with_baseline({"SE": {0: 1.0, 1: value}})


def test_seventeen_seeds_are_sampled_the_same_way_each_time():
    rng = np.random.default_rng(0)
    study = as_study(rng.normal([0.2, 0.5, 40.0], 1, (17, 3)))
    found = compare_with_baseline(study)
    assert found == compare_with_baseline(study)
    assert found["v2"].p == pytest.approx(1 / max_t.SAMPLES, abs=3 / max_t.SAMPLES)
    assert found["v2"].p > 0


def test_sixteen_seeds_are_enumerated():
    assert one([1.0 + k / 100 for k in range(16)]).p == smallest_p(16) == 2 / 2**16


def test_sampling_agrees_with_enumeration(monkeypatch):
    study = as_study(np.random.default_rng(3).normal([0.3, 0.5], 1, (12, 2)))
    exact = compare_with_baseline(study)
    monkeypatch.setattr(max_t, "EXACT_SEEDS", 0)
    for name, comparison in compare_with_baseline(study).items():
        assert comparison.p == pytest.approx(exact[name].p, abs=0.01)
        assert comparison.difference.high == pytest.approx(exact[name].difference.high, rel=0.02)
