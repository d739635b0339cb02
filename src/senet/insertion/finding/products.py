"""Sums and products of two tensors, counted alike in evaluation and in training."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from senet.accounting.operators import tensors
from senet.insertion.finding.graph import COMBINE

DATA = ("dropout", "attention", "rrelu")
"""In names of operators that draw, and return what they were given with noise in it."""


class Products:
    """Tells the sums and products in which a map can meet its weights, among all operators of a pass.

    One with noise, as in dropout, is none: evaluation has fewer of them than training.
    """

    def __init__(self) -> None:
        self._noise = WeakIdKeyDictionary()

    def is_one(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Whether an operator that is about to run is one."""
        if func.overloadpacket.__name__.rstrip("_") not in COMBINE or len(args) < 2:
            return False
        return all(isinstance(t, Tensor) and not self.is_noise(t) for t in args[:2])

    def note(self, func: Any, args: tuple[Any, ...], kwargs: Any, out: Any) -> None:
        """Remember what an operator made as noise, if it drew it, or made it of noise alone."""
        given = list(tensors((args, kwargs)))
        made_of_noise = bool(given) and all(map(self.is_noise, given))
        draws = torch.Tag.nondeterministic_seeded in func.tags and not any(word in str(func) for word in DATA)
        if draws or made_of_noise:
            for tensor in tensors(out):
                self._noise[tensor] = True

    def is_noise(self, tensor: Tensor) -> bool:
        """Whether a tensor was drawn, or made of what was."""
        return tensor in self._noise
