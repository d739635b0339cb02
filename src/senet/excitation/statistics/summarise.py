"""From statistics to what is shown of them."""

import math

import torch
from torch import Tensor

from senet.excitation.statistics.gate import GateStatistics
from senet.excitation.statistics.moments import deviation
from senet.excitation.statistics.specificity import NOTHING, effective_rank, redundancy, specificity, varies
from senet.excitation.summary import QUANTILES, GateSummary, Numbers, Profile

UNKNOWN = math.nan


def summarise(gate: GateStatistics) -> GateSummary:
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
        specificity=specificity(moments, gate.sample) if seen else NOTHING,
        redundancy=redundancy(moments, gate.sample),
        rank=effective_rank(moments, gate.sample),
        profiles=tuple(_profile(gate, group) for group in range(1 + len(gate.shown))),
        most=_images(gate.most.images),
        least=_images(gate.least.images),
    )


def _profile(gate: GateStatistics, group: int) -> Profile:
    """Return the profile over all images, group 0, or over a class."""
    if group == 0:
        overall = gate.moments.overall()
        images, mean, squares = overall.images, overall.mean, overall.squares
    else:
        number = gate.shown[group - 1]
        images = int(gate.moments.counts[number])
        mean, squares = gate.moments.means[number], gate.moments.squares[number]
    return Profile(
        images,
        numbers(mean if images else torch.full_like(mean, math.nan)),
        numbers(deviation(squares, images)),
        tuple(map(numbers, gate.histogram.quantiles(group, QUANTILES))) if gate.histogram and images else (),
    )


def numbers(values: Tensor) -> Numbers:
    """Return plain numbers."""
    return tuple(values.double().tolist())


def _images(found: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(number for number in row if number >= 0) for row in found.tolist())
