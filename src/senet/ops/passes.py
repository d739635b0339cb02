"""Which implementation of the passes a map gets."""

import importlib.util
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from senet.ops import plain


@dataclass(frozen=True)
class Passes:
    """The passes over a map; what each does stands in :mod:`senet.ops.plain`.

    Args:
        mean: Over the positions.
        scale_add_relu: Forward.
        relu_sums: Backward, with the sums that rows get.
        combine: Backward, of a map under statistics.
        dtypes: Of maps for which these are as exact as the formula.
    """

    mean: Callable[[Tensor], Tensor]
    scale_add_relu: Callable[..., Tensor]
    relu_sums: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
    combine: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
    dtypes: frozenset[torch.dtype]


# Rows are in float32: torch's operators would make float32 maps of a bfloat16 map and such rows.
PLAIN = Passes(
    plain.mean,
    plain.scale_add_relu,
    plain.relu_sums,
    plain.combine,
    frozenset({torch.float32, torch.float64}),
)


def passes(x: Tensor) -> Passes:
    """Return what runs on the device of a map."""
    return _triton_passes() if x.is_cuda and has_triton() else PLAIN


@cache
def has_triton() -> bool:
    """Whether triton is installed, and not switched off by ``SENET_TRITON=0``."""
    return os.environ.get("SENET_TRITON") != "0" and importlib.util.find_spec("triton") is not None


@cache
def _triton_passes() -> Passes:
    """Return the kernels if they run here, tried once: Triton needs a C compiler and a folder for what it compiles."""
    from senet.ops import triton_passes as kernels  # which needs triton

    try:
        kernels.mean(torch.zeros(1, 1, 1, 1, device="cuda"))
    except Exception as error:  # of many kinds, one for each thing that Triton may lack
        said = f"Triton kernels do not run here, so attention is slower; SENET_TRITON=0 hides this warning: {error}"
        warnings.warn(said, RuntimeWarning, stacklevel=3)
        return PLAIN
    maps = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
    return Passes(kernels.mean, kernels.scale_add_relu, kernels.relu_sums, kernels.combine, maps)
