"""The half width of intervals that hold together.

For one variant it is Student's t. For several it is the same quantity of the largest |t|: the 95% point of
max |t| where every variant has noise alone. That noise is taken as normal, as Student's interval takes it,
with a spread of each variant's own and one correlation between any two. The shared baseline gives such a
correlation (1/2 where all spreads are equal), and pairing by seed moves it. It is estimated by the mean of
all pairs' correlations. max |t| depends on nothing else, so its distribution is simulated.

Why not from flips of the centred differences, as before: n seeds leave them n - 1 dimensions and
2**(n - 1) values. With 20 variants at n=6 that is 32 values in 5 dimensions, in which 20 variants look
more alike than they are. Those intervals covered 94% where these cover 95%. Why not the correlation of
each pair: from 6 seeds it is noise. Shrunk towards their mean as Ledoit and Wolf do, 0.9 or more of it is the mean.
The 95% point hardly moves with the correlation below 0.7 (5.5, 5.5, 5.1 at 0, 0.5, 0.75 for that study).

Source: C. W. Dunnett, A multiple comparison procedure for comparing several treatments with a control,
JASA 50, 1955 (the largest |t| against a shared baseline; there all have one spread); O. Ledoit, M. Wolf,
Honey, I shrunk the sample covariance matrix, J. Portfolio Management 30, 2004 (one correlation for all).
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from senet.study.statistics.max_t import Array, PairedDifferences

DRAWS = 2**15
"""Of noise: they leave the 5% an error of 0.12 of a point; the same draws each time."""

_KNOTS = 10  # of the weight of a variant's own noise: in it c is nearly a line, and like studies share their draws
_CHUNK = 2**20  # numbers drawn at a time


def student_t(n: int, alpha: float) -> float:
    """Return the half width for one variant of n pairs, in standard errors; infinite for less than two."""
    return float(stdtrit(n - 1, 1 - alpha / 2)) if n > 1 else math.inf


def critical_t(differences: PairedDifferences, alpha: float) -> float:
    """Return the half width of the simultaneous intervals, in standard errors.

    Variants without spread have no interval and count for nothing.

    Args:
        differences: Of variants that are corrected together.
        alpha: The share of studies in which some interval may miss.
    """
    residuals = differences.residuals
    spread = residuals.any(axis=0)
    present = differences.present[:, spread]
    if present.shape[1] < 2:
        return student_t(int(differences.counts.max()), alpha)
    own = _KNOTS * math.sqrt(1 - _mean_correlation(residuals[:, spread]))
    knots = math.floor(own), math.ceil(own)
    low, high = (noise_t(present.tobytes(), present.shape[1], 1 - (k / _KNOTS) ** 2, alpha) for k in knots)
    return low + (own - knots[0]) * (high - low)


def _mean_correlation(residuals: Array) -> float:
    """Return the mean of all pairs' correlations, at least zero: a shared baseline gives no negative one."""
    size = np.abs(residuals).max(axis=0)
    unit = residuals / size
    unit /= np.sqrt((unit**2).sum(axis=0))
    variants = unit.shape[1]
    of_pairs = (unit.sum(axis=1) ** 2).sum() - variants
    return float(np.clip(of_pairs / (variants * (variants - 1)), 0.0, 1.0))


@lru_cache(maxsize=1024)
def noise_t(mask: bytes, variants: int, correlation: float, alpha: float) -> float:
    """Return the 1 - alpha point of the largest |t| of noise.

    Args:
        mask: Bytes of a boolean (seeds, variants): the pairs that there are.
        variants: Two or more.
        correlation: Of any two variants' noise, 0 to 1.
        alpha: 0 to 1.
    """
    present = np.frombuffer(mask, dtype=np.bool_).reshape(-1, variants)
    largest = [np.sqrt(_t_squared(noise, present).max(axis=1)) for noise in _noise(present.shape, correlation)]
    return float(np.quantile(np.concatenate(largest), 1 - alpha))


def _noise(shape: tuple[int, ...], correlation: float) -> Iterator[Array]:
    """Yield (draws, seeds, variants) of unit normal noise, DRAWS in all."""
    generator = np.random.default_rng(0)
    size = max(1, _CHUNK // math.prod(shape))
    for start in range(0, DRAWS, size):
        draws = min(size, DRAWS - start)
        noise = generator.standard_normal((draws, *shape))
        noise *= math.sqrt(1 - correlation)
        noise += math.sqrt(correlation) * generator.standard_normal((draws, shape[0], 1))
        yield noise


def _t_squared(noise: Array, present: NDArray[np.bool_]) -> Array:
    """Return t^2 of each draw and variant; n t^2 / (n - 1) = S^2 / (n Q - S^2) of the sum S and the squares Q."""
    counts = present.sum(axis=0)
    weights = present.astype(np.float64)
    squared_sum = np.einsum("dsv,sv->dv", noise, weights) ** 2
    squares = np.einsum("dsv,dsv,sv->dv", noise, noise, weights)
    return np.asarray((counts - 1) * squared_sum / (counts * squares - squared_sum))
