"""Which values of a recorded pass are maps, and the sums and products in which they meet their weights."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from senet.accounting.operators import iter_tensors
from senet.insertion.trace.axes import channels_last
from senet.insertion.trace.graph import COMBINING_OPS, TensorNode

SQUEEZES = frozenset(
    {"mean", "sum", "amax", "max"}
    | {"_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d"}
)


def mark_maps(values: list[TensorNode], rank: int) -> None:
    """Say of each value whether it is a map, or was pooled from one, once it is known how many axes one has."""
    convolved = False
    for value in values:
        convolved |= value.op == "convolution"
        if rank > 3 or convolved:  # what a sequence's axes are before its first convolution, nothing shows
            before = bool(value.inputs) and value.inputs[0].last
            value.last = value.op != "convolution" and channels_last(value.axes, rank, before)
        value.squeezed = _is_squeezed(value, rank)
        value.is_map = len(value.shape) == rank and not value.last


def _is_squeezed(value: TensorNode, rank: int) -> bool:
    """Whether a value has one position because a map was averaged, or was made of nothing else."""
    positions = value.shape[max(2, len(value.shape) - rank + 2) :]  # a stack of gates has an axis more in front
    if value.op in SQUEEZES and math.prod(positions) == 1:
        return True
    one = math.prod(positions) == 1 or len(value.shape) < rank
    return one and bool(value.inputs) and all(v.squeezed for v in value.inputs)


NOISE_ON_DATA = ("dropout", "attention", "rrelu")
"""In names of operators that draw, and return what they were given with noise in it."""


class ProductTracker:
    """Tells the sums and products in which a map can meet its weights, among all operators of a pass.

    One with noise, as in dropout, is none: evaluation has fewer of them than training.
    """

    def __init__(self) -> None:
        self._noise = WeakIdKeyDictionary()

    def is_product(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Whether an operator that is about to run is one."""
        if func.overloadpacket.__name__.rstrip("_") not in COMBINING_OPS or len(args) < 2:
            return False
        return all(isinstance(t, Tensor) and not self.is_noise(t) for t in args[:2])

    def track(self, func: Any, args: tuple[Any, ...], kwargs: Any, out: Any) -> None:
        """Remember what an operator made as noise, if it drew it, or made it of noise alone."""
        given = list(iter_tensors((args, kwargs)))
        made_of_noise = bool(given) and all(map(self.is_noise, given))
        draws = torch.Tag.nondeterministic_seeded in func.tags and not any(word in str(func) for word in NOISE_ON_DATA)
        if draws or made_of_noise:
            for tensor in iter_tensors(out):
                self._noise[tensor] = True

    def is_noise(self, tensor: Tensor) -> bool:
        """Whether a tensor was drawn, or made of what was."""
        return tensor in self._noise
