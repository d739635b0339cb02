"""What a study of so many seeds can see, before it runs and after.

Differences are taken as normal with one spread, the standard deviation of the paired differences over the
seeds. "Seen" means that the test of :func:`senet.study.statistics.paired.compare_with_baseline` finds the sign with
probability POWER. The other comparisons are taken to have no effect and not to be correlated. A shared baseline
correlates them, and then up to 5 points more are found (20 comparisons); where they have effects,
step-down leaves more still.

A variant is seen where its |t| is among the k largest of N flips, with k / N at most 5%. To it the other
flips are N - 1 draws of the largest |t| of noise. So it faces the k-th smallest of N - 1 uniform levels,
which is Beta(k, N - k), spread over m comparisons by Šidák. At that level its power is Student's: one tail
of the noncentral t, averaged over the level. With 3 comparisons at n=6 that asks for 2.5 spreads, where
Student's power at the fixed level k / N would promise 2.1; from n=10 on the two agree.

Source: K.-H. Jöckel, Finite sample properties and asymptotic efficiency of Monte Carlo tests, Annals of
Statistics 14, 1986 (the power of a test against draws); Z. Šidák, Rectangular confidence regions for the
means of multivariate normal distributions, JASA 62, 1967. At n=6 one variant alone is seen just where all
differences have its sign, an exact power.
"""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, chdtri, ndtr, stdtrit

from senet.study.statistics.max_t import EXACT_SEEDS, SAMPLES, Array
from senet.study.statistics.paired import ALPHA, smallest_p
from senet.utils.text import counted

POWER = 0.8
"""A difference counts as seen where it is found 4 times in 5."""

MOST_SEEDS = 1000
"""No more seeds than that are proposed."""

_POINTS = (np.arange(128) + 0.5) / 128  # of a distribution, for its average


def least_seeds() -> int:
    """Return the smallest number of paired seeds whose smallest p can decide at 5%: six."""
    return next(n for n in range(1, MOST_SEEDS) if smallest_p(n) <= ALPHA)


def power(effect: float, pairs: int, comparisons: int = 1) -> float:
    """Return the probability that a difference is found, with its sign.

    Args:
        effect: The true difference in spreads, its sign left out.
        pairs: Paired seeds. Too few to reach 5% find nothing, whatever the effect.
        comparisons: That the study corrects for, one or more.
    """
    if smallest_p(pairs) > ALPHA:
        return 0.0
    if comparisons == 1 and pairs == least_seeds():
        return float(ndtr(abs(effect)) ** pairs)
    return float(ndtr(abs(effect) * math.sqrt(pairs) - _thresholds(pairs, comparisons)).mean())


@lru_cache(maxsize=64)
def _thresholds(pairs: int, comparisons: int) -> Array:
    """Return what the mean in standard errors must pass, (levels, spreads), all equally likely."""
    flips = SAMPLES if pairs > EXACT_SEEDS else 2 ** (pairs - 1)
    allowed = math.floor(ALPHA * flips)
    levels = -np.expm1(np.log1p(-betaincinv(allowed, flips - allowed, _POINTS)) / comparisons)
    spreads = np.sqrt(chdtri(pairs - 1, _POINTS) / (pairs - 1))
    return np.asarray(-stdtrit(pairs - 1, levels / 2)[:, None] * spreads)


def smallest_difference(spread: float, pairs: int, comparisons: int = 1) -> float | None:
    """Return the smallest true difference that such a study sees, in the spread's unit.

    Args:
        spread: Standard deviation of the paired differences.
        pairs: Paired seeds.
        comparisons: That the study corrects for, one or more.

    Returns:
        The difference; None where so many seeds cannot decide or there is no spread to go by.
    """
    if smallest_p(pairs) > ALPHA or not 0 < spread < math.inf:
        return None
    return spread * _smallest_effect(pairs, comparisons)


@lru_cache(maxsize=1024)
def _smallest_effect(pairs: int, comparisons: int) -> float:
    def excess(effect: float) -> float:
        return power(effect, pairs, comparisons) - POWER

    return float(brentq(excess, 0.0, 1e4, xtol=1e-6))


def seeds_to_show(difference: float, spread: float, comparisons: int = 1) -> int | None:
    """Return the number of paired seeds with which a study sees a true difference.

    Args:
        difference: In the spread's unit, its sign left out.
        spread: Standard deviation of the paired differences.
        comparisons: That the study corrects for, one or more.

    Returns:
        Six or more; None where MOST_SEEDS are too few, and where there is no difference or spread to go by.
    """
    if not 0 < spread < math.inf or not 0 < abs(difference) < math.inf:
        return None
    numbers = range(least_seeds(), MOST_SEEDS + 1)
    place = bisect_left(numbers, POWER, key=lambda n: power(difference / spread, n, comparisons))
    return numbers[place] if place < len(numbers) else None


def too_few_seeds(seeds: int, comparisons: int) -> str | None:
    """Return a warning for a study that can decide nothing, whatever it finds, with the n that can.

    The smallest p is 2 / 2**n for one comparison and for many: all variants of a seed are flipped together,
    so the unflipped data can be the most extreme of all flips for every one of them. More comparisons
    ask for larger differences; the sentence says how large.

    Args:
        seeds: That the plan pairs.
        comparisons: Its variants less the baseline.

    Returns:
        A sentence; None where the seeds can decide or there is nothing to compare.
    """
    least = least_seeds()
    if comparisons < 1 or seeds >= least:
        return None
    sizes = [f"{smallest_difference(1.0, n, comparisons):.2g}" for n in (least, 2 * least)]
    compared = counted(comparisons, "comparison")
    return (
        f"{counted(seeds, 'seed')} cannot decide: the smallest p within reach is "
        f"{smallest_p(seeds):.3g}; {least} seeds are the least that can decide at {ALPHA:.0%}, and with {compared} "
        f"they see a difference of {sizes[0]} standard deviations of the paired differences 4 times in 5, "
        f"{2 * least} seeds one of {sizes[1]}"
    )
