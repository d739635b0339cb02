"""The issue's bounds, on simulated studies: false positives at most 6.1%, coverage from 93% to 97%."""

import math
from statistics import fmean

import numpy as np
import pytest
from paired import as_study, corrected_p, covers, noise

from senet.study.statistics.paired import compare_with_baseline

STUDIES = 2000
FALSE_POSITIVES = 0.061


def false_positives(studies, null=slice(None)):
    """Return the share of the studies that find an effect in some variant that has none."""
    return fmean(corrected_p(study)[null].min() <= 0.05 for study in studies)


# False positives of the whole study.


def slow(*case):
    """Return a case of the slow tier: it differs from another in its numbers alone."""
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("n", "variants"), [(8, 3), *(slow(n, m) for n in (6, 8, 10) for m in (1, 3, 20) if (n, m) != (8, 3))]
)
def test_row_80_null_studies(n, variants):
    """Shared baseline and unequal spreads; the test is exact, so its rate is k / 2**(n - 1), just below 5%."""
    rng = np.random.default_rng(n + variants)
    rate = false_positives(noise(rng, n, variants) for _ in range(STUDIES))
    exact = math.floor(0.05 * 2 ** (n - 1)) / 2 ** (n - 1)
    assert rate <= FALSE_POSITIVES
    assert abs(rate - exact) <= 4 * math.sqrt(exact * (1 - exact) / STUDIES)


@pytest.mark.slow
@pytest.mark.parametrize("variants", [3, 20])
@pytest.mark.parametrize("n", [16, 20])
def test_row_80_null_studies_of_many_seeds(n, variants):
    rng = np.random.default_rng(n + variants)
    studies = 2000 if variants == 3 and n == 16 else 500
    rate = false_positives(noise(rng, n, variants) for _ in range(studies))
    assert rate <= 0.05 + 2.3 * math.sqrt(0.05 * 0.95 / studies)  # 6.1% for 2000


@pytest.mark.parametrize(("variants", "effect"), [(3, 1.0), slow(3, 8.0), slow(20, 1.0), slow(20, 8.0)])
def test_row_80_partial_nulls(variants, effect):
    """Half of the variants have an effect: the other half is what step-down must still protect."""
    rng = np.random.default_rng(variants)
    effects = np.where(np.arange(variants) % 2, effect, 0.0)
    studies = (noise(rng, 8, variants) + effects for _ in range(STUDIES))
    assert false_positives(studies, effects == 0) <= FALSE_POSITIVES


@pytest.mark.parametrize("variants", [3, slow(20)])
def test_null_studies_of_heavy_tails_and_seeds_of_unequal_noise(variants):
    """The test asks for symmetry alone: Cauchy noise, each seed with a spread of its own."""
    rng = np.random.default_rng(variants)
    spreads = np.geomspace(0.1, 10, 7)[:, None]
    studies = (noise(rng, 7, variants, np.random.Generator.standard_cauchy) * spreads for _ in range(STUDIES))
    assert false_positives(studies) <= FALSE_POSITIVES


@pytest.mark.parametrize("variants", [3, slow(20)])
def test_null_studies_of_accuracies_in_steps(variants):
    """Scores of 540 images tie; tied flips count against the finding."""
    rng = np.random.default_rng(variants)
    scores = (rng.binomial(540, 0.9, (8, variants + 1)) / 5.4 for _ in range(STUDIES))
    assert false_positives(s[:, 1:] - s[:, :1] for s in scores) <= FALSE_POSITIVES


# Coverage of all intervals of a study together, as they are shown. At an effect of zero the verdict cuts and
# stretches them, and the coverage is one less the false positives above: 96.9% at n=6, the nearest there is.


def coverage(studies, effect):
    return fmean(all(covers(c, effect) for c in compare_with_baseline(as_study(s + effect)).values()) for s in studies)


@pytest.mark.parametrize("effect", [0.5, slow(30.0)])
@pytest.mark.parametrize("variants", [slow(1), 3, slow(20)])
@pytest.mark.parametrize("n", [slow(6), 8])
def test_coverage_for_normal_noise(n, variants, effect):
    rng = np.random.default_rng(n)
    runs = 600 if variants == 20 else 1000
    assert 0.93 <= coverage((noise(rng, n, variants) for _ in range(runs)), effect) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("variants", [1, 3, 20])
def test_coverage_for_normal_noise_at_16_seeds(variants):
    rng = np.random.default_rng(16)
    assert 0.93 <= coverage((noise(rng, 16, variants) for _ in range(300)), 2.0) <= 0.97
