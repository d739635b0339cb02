# Step-down max-T: against a slow reference, and properties that hold for any differences.
import itertools
import math
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import as_study, by_seed, contradicts, one

from senet.study.statistics.paired import compare_with_baseline, smallest_p


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
    assert {name: c.p for name, c in compare_with_baseline(study).items()} == pytest.approx(slow_step_down(study))


def test_step_down_with_missing_seeds_equals_the_slow_reference():
    rng = np.random.default_rng(1)
    study = as_study(rng.normal(1, 1, (8, 3)))
    del study["v0"][2], study["v1"][7], study["v1"][0]
    assert {name: c.p for name, c in compare_with_baseline(study).items()} == pytest.approx(slow_step_down(study))


def test_a_large_effect_takes_nothing_from_the_next_variant():
    rng = np.random.default_rng(2)
    second = rng.normal(0.9, 1, 8)
    alone = one(second).p
    beside = compare_with_baseline({"large": by_seed(rng.normal(50, 1, 8)), "second": by_seed(second)})
    assert beside["second"].p == alone
    assert beside["large"].p == 2 / 256


def test_a_variant_that_cannot_be_decided_leaves_the_others_alone():
    decided = {"a": by_seed([0.3, 0.5, 0.9, 0.2, 0.4, 0.8, 0.6, 0.1]), "b": by_seed(np.arange(8) - 3.0)}
    beside = compare_with_baseline({"broken": by_seed([1.0, 1.0, 1.0]), **decided, "single": {0: 1.0}})
    assert {name: beside[name] for name in decided} == compare_with_baseline(decided)
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
    for comparison in compare_with_baseline(as_study(matrix)).values():
        assert smallest_p(comparison.pairs) <= comparison.p <= 1
        assert not contradicts(comparison)
        low, high = comparison.difference.low, comparison.difference.high
        assert low is None or low <= comparison.difference.mean <= high


@settings(max_examples=150, deadline=None)
@given(studies(steps))
def test_p_grows_along_the_step_down_and_over_the_single_test(matrix):
    study = as_study(matrix)
    found = compare_with_baseline(study)
    order = sorted(study, key=lambda name: -slow_t(list(study[name].values())))
    ps = [found[name].p for name in order]
    assert ps == sorted(ps)
    assert all(found[name].p >= one(values.values()).p for name, values in study.items())


@settings(max_examples=150, deadline=None)
@given(studies(steps), st.floats(1e-3, 1e3), st.randoms())
def test_p_stays_under_sign_scale_and_the_seeds_names(matrix, scale, random):
    study = as_study(matrix)
    ps = [c.p for c in compare_with_baseline(study).values()]
    seeds = random.sample(range(1000), len(matrix))
    renamed = {name: {seeds[s]: v for s, v in values.items()} for name, values in study.items()}
    assert [c.p for c in compare_with_baseline(as_study(-np.array(matrix))).values()] == ps
    assert [c.p for c in compare_with_baseline(as_study(scale * np.array(matrix))).values()] == ps
    assert [c.p for c in compare_with_baseline(renamed).values()] == ps


def test_no_contradiction_in_many_accuracies_of_540_images():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        scores = rng.binomial(540, [0.9, 0.905, 0.91, 0.93], (rng.integers(6, 11), 4)) / 5.4
        found = compare_with_baseline(as_study(scores[:, 1:] - scores[:, :1]))
        assert not any(contradicts(c) for c in found.values())
