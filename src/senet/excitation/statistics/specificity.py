"""How much of a gate the class decides, and in how many directions it moves."""

import math

import torch
from torch import Tensor

from senet.excitation.statistics.extremes import ImageSample
from senet.excitation.statistics.gate import GateStatistics
from senet.excitation.statistics.moments import Moments, TotalMoments, standard_deviation
from senet.excitation.summary import QUANTILES, Estimate, GateProfile, GateSummary, Numbers

NORMAL = 1.959964  # of a two-sided interval of 95%
# Sums of squares below this share of the squared values are rounding: float32 gates of a constant differ by less.
ROUNDING = 1e-12
NO_ESTIMATE = Estimate(math.nan, math.nan, math.nan)


def varies(overall: TotalMoments) -> Tensor:
    """Say of each value whether images differ in it by more than rounding, (N,)."""
    return overall.squares > ROUNDING * overall.images * overall.mean.square().clamp(min=1e-30)


def specificity(moments: Moments, sample: ImageSample) -> Estimate:
    """Return the share of a gate's variance over images that lies between classes, summed over its values.

    Epsilon squared (Kelley 1935), 1 - (W / (n - K)) / (S / (n - 1)) of the sums of squares within classes, W, and in
    all, S: unlike W and S themselves it is 0 on average where classes do not differ. Its interval is of images drawn
    anew from the same classes. By the delta method W / S varies with w_i - (W / S) s_i, where w_i and s_i are the
    squared distances of an image from the mean of its class and of all; their variance is taken from the sample.

    Args:
        moments: Of the gate.
        sample: Of the same images.

    Returns:
        NaN where images do not differ, or no class has two; ends of NaN where those of the sample do not.
    """
    overall = moments.overall()
    n, classes = overall.images, int((moments.counts > 0).sum())
    moving = varies(overall)
    total, within = overall.squares[moving].sum(), overall.within[moving].sum()
    if n <= classes or classes < 2 or not moving.any():
        return NO_ESTIMATE
    value = 1 - float((within / (n - classes)) / (total / (n - 1)))
    value = value if abs(value) > ROUNDING else 0.0
    ratio = float(within / total)
    error = _error(moments, sample, moving, ratio) * math.sqrt(n) / float(total) * (n - 1) / (n - classes)
    return Estimate(value, max(value - NORMAL * error, -1.0), min(value + NORMAL * error, 1.0))


def _error(moments: Moments, sample: ImageSample, moving: Tensor, ratio: float) -> float:
    """Return the deviation over images, within their classes, of w_i - (W / S) s_i."""
    values, labels = sample.values[:, moving].double(), sample.labels
    if not (values != values[:1]).any():  # the few images that move it are not among these
        return math.nan
    mean = moments.overall().mean[moving]
    w = (values - moments.means[:, moving][labels]).square().sum(1)
    s = (values - mean).square().sum(1)
    by_class = Moments(len(moments.counts), 1)
    by_class.add((w - ratio * s)[:, None], labels)
    freedom = len(labels) - int((by_class.counts > 0).sum())
    if freedom < 1:  # one image of each class in the sample: their spread has all in it, and is no smaller
        by_class, freedom = Moments(1, 1), len(labels) - 1
        by_class.add((w - ratio * s)[:, None], torch.zeros_like(labels))
    return math.sqrt(float(by_class.squares.sum()) / freedom)


def redundancy(moments: Moments, sample: ImageSample) -> float:
    """Return the mean absolute correlation between two values of a gate over images; NaN where fewer than two vary."""
    centred = _centred(moments, sample)
    images, width = centred.shape
    if width < 2 or images < 3:
        return math.nan
    z = centred / centred.norm(dim=0)
    pairs = (z.T @ z).abs_()
    return float((pairs.sum() - pairs.diagonal().sum()) / (width * (width - 1)))


def effective_rank(moments: Moments, sample: ImageSample) -> float:
    """Return in how many directions a gate moves over images: Roy and Vetterli, EUSIPCO 2007.

    The exponential of the entropy of the shares that singular values of the centred sample have in their sum; it is at
    most one less than the images of the sample. 0 where nothing moves, NaN for fewer than two images.
    """
    centred = _centred(moments, sample)
    if len(centred) < 2:
        return math.nan
    singular = torch.linalg.svdvals(centred)
    shares = singular[singular > 1e-9 * singular.max()] / singular.sum() if len(singular) else singular
    return math.exp(float(-(shares * shares.log()).sum())) if len(shares) else 0.0


def _centred(moments: Moments, sample: ImageSample) -> Tensor:
    """Return the sample less its means, without the values that are the same for all images, or for those in it."""
    values = sample.values[:, varies(moments.overall())].double()
    if len(values) == 0:
        return values
    return (values - values.mean(0))[:, (values != values[:1]).any(0)]


UNKNOWN = math.nan


def summarise_gate(gate: GateStatistics) -> GateSummary:
    """Return what is shown of a gate; NaN and no images where none of its values was finite."""
    moments, overall = gate.moments, gate.moments.overall()
    seen, values = overall.images > 0, overall.images * math.prod(gate.shape)
    ends = [
        UNKNOWN if math.isinf(end) or not seen else int(count) / values
        for end, count in zip(gate.bounds, gate.saturated, strict=True)
    ]
    return GateSummary(
        name=gate.name,
        kind=gate.kind.value,
        shape=gate.shape,
        low=gate.bounds[0],
        high=gate.bounds[1],
        slow=gate.slow,
        not_finite=gate.not_finite,
        mean=overall.mean.mean().item() if seen else UNKNOWN,
        saturated_low=ends[0],
        saturated_high=ends[1],
        constant=(~varies(overall)).double().mean().item() if overall.images > 1 else UNKNOWN,
        specificity=specificity(moments, gate.sample) if seen else NO_ESTIMATE,
        redundancy=redundancy(moments, gate.sample),
        rank=effective_rank(moments, gate.sample),
        profiles=tuple(_profile(gate, group) for group in range(1 + len(gate.shown))),
        most=_images(gate.most.images),
        least=_images(gate.least.images),
    )


def _profile(gate: GateStatistics, group: int) -> GateProfile:
    """Return the profile over all images, group 0, or over a class."""
    if group == 0:
        overall = gate.moments.overall()
        images, mean, squares = overall.images, overall.mean, overall.squares
    else:
        number = gate.shown[group - 1]
        images = int(gate.moments.counts[number])
        mean, squares = gate.moments.means[number], gate.moments.squares[number]
    return GateProfile(
        images,
        to_floats(mean if images else torch.full_like(mean, math.nan)),
        to_floats(standard_deviation(squares, images)),
        tuple(map(to_floats, gate.histogram.quantiles(group, QUANTILES))) if gate.histogram and images else (),
    )


def to_floats(values: Tensor) -> Numbers:
    """Return plain numbers."""
    return tuple(values.double().tolist())


def _images(found: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(number for number in row if number >= 0) for row in found.tolist())
