"""Which values of a recorded pass are maps, and which were pooled from one."""

import math

from senet.insertion.finding.graph import Value
from senet.insertion.finding.layout import channels_last

SQUEEZES = frozenset(
    {"mean", "sum", "amax", "max"}
    | {"_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d"}
)


def mark_maps(values: list[Value], rank: int) -> None:
    """Say of each value whether it is a map, or was pooled from one, once it is known how many axes one has."""
    convolved = False
    for value in values:
        convolved |= value.op == "convolution"
        if rank > 3 or convolved:  # what a sequence's axes are before its first convolution, nothing shows
            before = bool(value.inputs) and value.inputs[0].last
            value.last = value.op != "convolution" and channels_last(value.axes, rank, before)
        value.squeezed = _is_squeezed(value, rank)
        value.is_map = len(value.shape) == rank and not value.last


def _is_squeezed(value: Value, rank: int) -> bool:
    """Whether a value has one position because a map was averaged, or was made of nothing else."""
    positions = value.shape[max(2, len(value.shape) - rank + 2) :]  # a stack of gates has an axis more in front
    if value.op in SQUEEZES and math.prod(positions) == 1:
        return True
    one = math.prod(positions) == 1 or len(value.shape) < rank
    return one and bool(value.inputs) and all(v.squeezed for v in value.inputs)
