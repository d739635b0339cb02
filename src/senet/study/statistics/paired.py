"""Intervals and corrected p-values of paired runs.

Accuracies and differences are in points (percent). Everything is paired by seed; :mod:`senet.study.statistics.max_t`
holds the joint sign flips and their sources.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from senet.study.statistics.max_t import NO_SPREAD, Array, PairedDifferences, step_down_p
from senet.study.statistics.simultaneous import critical_t, student_t
from senet.study.summary import Comparison, Interval

ALPHA = 0.05
"""Family-wise error of the tests; the intervals beside them hold 1 - ALPHA."""


def mean_interval(values: Iterable[float], confidence: float = 0.95) -> Interval:
    """Return the mean and its Student-t interval.

    Returns:
        An interval whose ends are None where the values give none: fewer than two, one that is not finite,
        or no spread. The mean of no values is NaN.
    """
    scores = np.asarray(list(values), dtype=np.float64)
    return _interval(scores, student_t(len(scores), 1 - confidence))


def smallest_p(pairs: int) -> float:
    """Return the smallest p that so many seeds can give, 2 / 2**pairs, however many variants there are."""
    return min(1.0, 2.0 ** (1 - pairs))


def compare_with_baseline(differences: Mapping[str, Mapping[int, float]]) -> dict[str, Comparison]:
    """Compare each variant with the baseline.

    p-values: step-down max-T over joint sign flips of all variants, exact to 16 seeds; with one variant, the
    plain sign-flip test of its mean. They hold where the differences are symmetric about zero under the
    hypothesis, whatever their spreads. A variant with too few pairs to be ever decided (n < 6) is corrected
    only among its like: its wild t would take the others' power and could gain nothing for itself.

    Intervals: mean -+ c standard errors. For one variant c is Student's t; for several it is the 95% point of
    the largest |t| of correlated normal noise (:mod:`senet.study.statistics.simultaneous`), and the intervals hold
    together. (Fewer than 6 seeds say too little about that correlation; there c is Student's t at 5% over the
    number of variants.)

    The verdict belongs to the test, which asks for no normality, and the interval is held to it at zero, the
    one value that was tested. Where p > 0.05 the interval is stretched to reach zero. Where p <= 0.05 it is
    cut at zero, the end itself left out: such a rejection claims the sign and no size. So no interval
    contradicts its verdict. At zero its coverage is that of the test; elsewhere stretching only adds, and
    cutting loses only values of the sign opposite to the mean.

    Args:
        differences: By variant, then by seed: its accuracy less the baseline's, in points. Seeds may be
            missing; a variant is studentised on its own.

    Raises:
        ValueError: A difference that is not finite. Failed pairs are the caller's to leave out and to list.
    """
    _check_finite(differences)
    found = {name: Comparison(mean_interval(d.values()), None, len(d)) for name, d in differences.items()}
    for family in _families(differences):
        found |= _compare_family(family)
    return found


def _check_finite(differences: Mapping[str, Mapping[int, float]]) -> None:
    for name, by_seed in differences.items():
        for seed, value in by_seed.items():
            if not math.isfinite(value):
                raise ValueError(f"difference of {name!r} at seed {seed} is {value}: leave failed pairs out")


def _families(differences: Mapping[str, Mapping[int, float]]) -> list[dict[str, Mapping[int, float]]]:
    """Split the variants that can be tested into those that their pairs can decide and those they cannot."""
    families: dict[bool, dict[str, Mapping[int, float]]] = {}
    for name, by_seed in differences.items():
        if len(by_seed) >= 2:
            families.setdefault(smallest_p(len(by_seed)) <= ALPHA, {})[name] = by_seed
    return list(families.values())


def _compare_family(family: Mapping[str, Mapping[int, float]]) -> dict[str, Comparison]:
    """Compare variants that are corrected together; each has two pairs or more."""
    table = _table(family)
    found = {}
    for (name, by_seed), p, c in zip(family.items(), step_down_p(table), _critical(table), strict=True):
        values = np.array(list(by_seed.values()))
        interval = _held_to_verdict(_interval(values, c), float(p))
        found[name] = Comparison(interval, float(p), len(by_seed), _spread(values))
    return found


def _table(family: Mapping[str, Mapping[int, float]]) -> PairedDifferences:
    seeds = sorted({seed for by_seed in family.values() for seed in by_seed})
    values = [[by_seed.get(seed, 0.0) for by_seed in family.values()] for seed in seeds]
    present = [[seed in by_seed for by_seed in family.values()] for seed in seeds]
    return PairedDifferences(np.array(values, dtype=np.float64), np.array(present))


def _critical(table: PairedDifferences) -> list[float]:
    """Return each variant's half width in standard errors."""
    counts = [int(n) for n in table.counts]
    if len(counts) > 1 and smallest_p(min(counts)) <= ALPHA:
        return [critical_t(table, ALPHA)] * len(counts)
    return [student_t(n, ALPHA / len(counts)) for n in counts]


def _interval(values: Array, c: float) -> Interval:
    """Return mean -+ c standard errors; no ends where c or the spread gives none."""
    mean = float(values.mean()) if len(values) else math.nan
    spread = _spread(values) if len(values) > 1 and np.isfinite(values).all() else None
    if spread is None or not math.isfinite(c):
        return Interval(mean, None, None)
    half = c * spread / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _spread(values: Array) -> float | None:
    """Return the standard deviation of two values or more, None where they differ by rounding alone."""
    spread = float(values.std(ddof=1))
    return spread if spread > NO_SPREAD * float(np.abs(values).max()) else None


def _held_to_verdict(interval: Interval, p: float) -> Interval:
    """Stretch the interval to reach zero where p leaves zero in, cut it at zero where p rules zero out."""
    low, high = interval.low, interval.high
    if low is None or high is None:
        return interval
    if p > ALPHA:
        return Interval(interval.mean, min(low, 0.0), max(high, 0.0))
    if interval.mean > 0:
        return Interval(interval.mean, max(low, 0.0), high)
    return Interval(interval.mean, low, min(high, 0.0))
