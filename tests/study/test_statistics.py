import itertools
import math
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import as_study, by_seed, contradicts, one
from scipy import stats

from senet.study import maxt
from senet.study.statistics import compare, mean_interval, smallest_p
from senet.study.summary import Interval

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


def slow_t(values):
    mean, spread = fmean(values), stdev(values)
    return abs(mean) / (spread / math.sqrt(len(values))) if spread > 1e-12 else (math.inf if mean else 0.0)


def slow_step_down(study):
    """Westfall and Young's free step-down by the book, one flip and one variant at a time."""
    seeds = sorted({seed for values in study.values() for seed in values})
    observed = {name: slow_t(list(values.values())) for name, values in study.items()}
    order = sorted(study, key=lambda name: -observed[name])
    p, floor = {}, 0.0
    for position, name in enumerate(order):
        reached = 0
        for signs in itertools.product([1, -1], repeat=len(seeds)):
            sign = dict(zip(seeds, signs, strict=True))
            largest = max(slow_t([sign[s] * v for s, v in study[other].items()]) for other in order[position:])
            reached += largest >= observed[name] * (1 - 1e-9)
        floor = p[name] = max(floor, reached / 2 ** len(seeds))
    return p


@pytest.mark.parametrize("seed", range(6))
def test_step_down_equals_the_slow_reference(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal([0.0, 0.8, 2.0], [1, 0.5, 2], (6, 3)) + rng.normal(size=(6, 1))
    study = as_study(matrix.round(1) if seed % 2 else matrix)
    assert {name: c.p for name, c in compare(study).items()} == pytest.approx(slow_step_down(study))


def test_step_down_with_missing_seeds_equals_the_slow_reference():
    rng = np.random.default_rng(1)
    study = as_study(rng.normal(1, 1, (8, 3)))
    del study["v0"][2], study["v1"][7], study["v1"][0]
    assert {name: c.p for name, c in compare(study).items()} == pytest.approx(slow_step_down(study))


def test_a_large_effect_takes_nothing_from_the_next_variant():
    rng = np.random.default_rng(2)
    second = rng.normal(0.9, 1, 8)
    alone = one(second).p
    beside = compare({"large": by_seed(rng.normal(50, 1, 8)), "second": by_seed(second)})
    assert beside["second"].p == alone
    assert beside["large"].p == 2 / 256


def test_a_variant_that_cannot_be_decided_leaves_the_others_alone():
    decided = {"a": by_seed([0.3, 0.5, 0.9, 0.2, 0.4, 0.8, 0.6, 0.1]), "b": by_seed(np.arange(8) - 3.0)}
    beside = compare({"broken": by_seed([1.0, 1.0, 1.0]), **decided, "single": {0: 1.0}})
    assert {name: beside[name] for name in decided} == compare(decided)
    assert beside["broken"].p == 2 / 8
    assert beside["single"].p is None


# Properties.

steps = st.integers(-60, 60).map(lambda k: 100 * k / 540)
smooth = st.floats(-5, 5, allow_subnormal=False).map(lambda x: round(x, 6))


def studies(values):
    shape = st.tuples(st.integers(2, 9), st.integers(1, 4))
    return shape.flatmap(
        lambda s: st.lists(st.lists(values, min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0])
    )


@settings(max_examples=300, deadline=None)
@given(studies(steps) | studies(smooth) | studies(st.sampled_from([-1.0, 0.0, 1.0])))
def test_p_is_reachable_and_never_contradicts_its_interval(matrix):
    for comparison in compare(as_study(matrix)).values():
        assert smallest_p(comparison.pairs) <= comparison.p <= 1
        assert not contradicts(comparison)
        low, high = comparison.difference.low, comparison.difference.high
        assert low is None or low <= comparison.difference.mean <= high


@settings(max_examples=150, deadline=None)
@given(studies(steps))
def test_p_grows_along_the_step_down_and_over_the_single_test(matrix):
    study = as_study(matrix)
    found = compare(study)
    order = sorted(study, key=lambda name: -slow_t(list(study[name].values())))
    ps = [found[name].p for name in order]
    assert ps == sorted(ps)
    assert all(found[name].p >= one(values.values()).p for name, values in study.items())


@settings(max_examples=150, deadline=None)
@given(studies(steps), st.floats(1e-3, 1e3), st.randoms())
def test_p_stays_under_sign_scale_and_the_seeds_names(matrix, scale, random):
    study = as_study(matrix)
    ps = [c.p for c in compare(study).values()]
    seeds = random.sample(range(1000), len(matrix))
    renamed = {name: {seeds[s]: v for s, v in values.items()} for name, values in study.items()}
    assert [c.p for c in compare(as_study(-np.array(matrix))).values()] == ps
    assert [c.p for c in compare(as_study(scale * np.array(matrix))).values()] == ps
    assert [c.p for c in compare(renamed).values()] == ps


def test_no_contradiction_in_many_accuracies_of_540_images():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        scores = rng.binomial(540, [0.9, 0.905, 0.91, 0.93], (rng.integers(6, 11), 4)) / 5.4
        found = compare(as_study(scores[:, 1:] - scores[:, :1]))
        assert not any(contradicts(c) for c in found.values())


# Where there is little or nothing to test.


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
    found = compare({"a": by_seed([0.1 + 0.2] * 4 + [0.3] * 4), "b": by_seed([0.0] * 8)})
    assert (found["a"].p, found["a"].difference.low, found["a"].difference.high) == (2 / 256, None, None)
    assert (found["b"].p, found["b"].difference.low) == (1.0, None)


def test_a_variant_without_spread_leaves_the_others_intervals_alone():
    values = by_seed(np.random.default_rng(0).normal(1, 1, 8))
    noisy, exact = by_seed([0.1 + 0.2] * 4 + [0.3] * 4), by_seed([0.5] * 8)
    assert compare({"a": values, "b": noisy})["a"] == compare({"a": values, "b": exact})["a"]


def test_ties_by_rounding_count_as_reached():
    # 0.1 + 0.2 + 0.3 - 0.6 in another order: rounding alone must not make it significant.
    assert one([0.1, 0.2, 0.3, 0.6, -0.6, -0.3, -0.2]).p == one([1, 2, 3, 6, -6, -3, -2]).p


@pytest.mark.parametrize("values", [{}, {3: 0.5}])
def test_row_79_less_than_two_pairs_have_no_p(values):
    found = compare({"SE": values})["SE"]
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
    found = compare({"a": by_seed([1.0, 2.0, 4.0]), "b": by_seed([0.5] * 3), "c": {0: 1.0}})
    assert (found["a"].spread, found["b"].spread, found["c"].spread) == (pytest.approx(stdev([1, 2, 4])), None, None)


def test_nothing_to_compare():
    assert compare({}) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_row_79_a_difference_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="'SE' at seed 1"):
        compare({"SE": {0: 1.0, 1: value}})


def test_seventeen_seeds_are_sampled_the_same_way_each_time():
    rng = np.random.default_rng(0)
    study = as_study(rng.normal([0.2, 0.5, 40.0], 1, (17, 3)))
    found = compare(study)
    assert found == compare(study)
    assert found["v2"].p == pytest.approx(1 / maxt.SAMPLES, abs=3 / maxt.SAMPLES)
    assert found["v2"].p > 0


def test_sixteen_seeds_are_enumerated():
    assert one([1.0 + k / 100 for k in range(16)]).p == smallest_p(16) == 2 / 2**16


def test_sampling_agrees_with_enumeration(monkeypatch):
    study = as_study(np.random.default_rng(3).normal([0.3, 0.5], 1, (12, 2)))
    exact = compare(study)
    monkeypatch.setattr(maxt, "EXACT_SEEDS", 0)
    for name, comparison in compare(study).items():
        assert comparison.p == pytest.approx(exact[name].p, abs=0.01)
        assert comparison.difference.high == pytest.approx(exact[name].difference.high, rel=0.02)
