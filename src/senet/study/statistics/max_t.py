"""Joint sign flips: the max-T distribution behind the corrected p-values.

Under the hypothesis that a variant changes nothing, each paired difference is as likely as its negative. A
flip turns the sign of one seed's differences in all variants at once, which keeps whatever dependence the
shared baseline and the shared seed put between them.

Source: P. H. Westfall, S. S. Young, Resampling-Based Multiple Testing, 1993 (step-down max-T); J. P. Romano,
M. Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100, 2005 (its strong
control of the family-wise error where each statistic depends on its own data alone, as here).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EXACT_SEEDS = 16
"""Up to so many seeds every flip is enumerated: 2**15 of them, since a flip and its negative give one T."""

SAMPLES = 2**16
"""Flips above that, the identity among them, so that no p is zero."""

NO_SPREAD = 1e-9
"""Of a variant's largest difference: equal accuracies differ by rounding once they are subtracted."""

_CHUNK = 4096
_TIE = 1e-9  # of a statistic between 0 and 1: far over rounding, far under what differing scores give

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifferences:
    """Paired differences to the baseline.

    Args:
        values: (seeds, variants) in points; zero where a variant has no pair of that seed.
        present: (seeds, variants) where it has one; every variant has two or more.
    """

    values: Array
    present: NDArray[np.bool_]

    @property
    def counts(self) -> Array:
        """Pairs of each variant, (variants,)."""
        return np.asarray(self.present.sum(axis=0), dtype=np.float64)

    @property
    def residuals(self) -> Array:
        """Each variant's values less their mean, (seeds, variants): what the noise alone does."""
        rest = np.where(self.present, self.values - self.values.sum(axis=0) / self.counts, 0.0)
        rounding = np.abs(rest) <= NO_SPREAD * np.abs(self.values).max(axis=0)
        return np.where(rounding, 0.0, rest)


def step_down_p(differences: PairedDifferences) -> Array:
    """Return each variant's step-down max-T p-value, (variants,).

    The variant with the largest |t| is held against the largest of all variants under each flip, the next
    one against the largest of those that remain, and no p is smaller than that of the variant before it.
    Values that are equal but for rounding count as reached, and the identity is one of the flips: the
    smallest p is 2 / 2**n for n seeds.
    """
    identity = np.ones((1, len(differences.values)))
    observed = _statistics(identity, differences)[0]
    order = np.argsort(-observed, kind="stable")
    reached, flips = np.zeros(len(order)), 0
    for signs in _sign_flips(len(differences.values)):
        remaining = np.maximum.accumulate(_statistics(signs, differences)[:, order[::-1]], axis=1)[:, ::-1]
        reached += (remaining >= observed[order] - _TIE).sum(axis=0)
        flips += len(signs)
    p = np.empty(len(order))
    p[order] = np.maximum.accumulate(reached / flips)
    return p


def _statistics(signs: Array, differences: PairedDifferences) -> Array:
    """Return w = t^2 / (t^2 + v) of each flip and variant, (flips, variants).

    It orders as |t| does, with one v (the largest degrees of freedom) for all variants, and stays between 0
    and 1 where t runs to infinity because a flip leaves no spread. A flip keeps the sum of squares, so the
    studentised mean needs no second pass: r^2 = (sum s d)^2 / (n sum d^2), t^2 = (n - 1) r^2 / (1 - r^2).
    """
    size = np.abs(differences.values).max(axis=0)
    values = differences.values / np.where(size > 0, size, 1.0)  # or the squares of tiny ones vanish
    bound = differences.counts * (values**2).sum(axis=0)
    ratio = np.minimum((signs @ values) ** 2 / np.where(size > 0, bound, 1.0), 1.0)
    freedom = differences.counts - 1
    signal = freedom * ratio
    return np.asarray(signal / (signal + freedom.max() * (1 - ratio)), dtype=np.float64)


def _sign_flips(seeds: int) -> Iterator[Array]:
    """Yield matrices (flips, seeds) of 1 and -1: all flips of few seeds, a fixed sample for many."""
    if seeds > EXACT_SEEDS:
        yield from _sampled_flips(seeds)
        return
    bits = np.arange(seeds)
    total = 2 ** (seeds - 1)  # the last seed's sign stays: the other half are negatives of these
    for start in range(0, total, _CHUNK):
        codes = np.arange(start, min(start + _CHUNK, total))
        yield _as_signs((codes[:, None] >> bits) & 1)


def _sampled_flips(seeds: int) -> Iterator[Array]:
    generator = np.random.default_rng(0)
    for start in range(0, SAMPLES, _CHUNK):
        signs = _as_signs(generator.integers(0, 2, size=(_CHUNK, seeds)))
        if start == 0:
            signs[0] = 1.0
        yield signs


def _as_signs(bits: NDArray[np.int64]) -> Array:
    return np.where(bits == 0, 1.0, -1.0)
