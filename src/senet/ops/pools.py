"""Means and maxima over axes of a map, whose backward passes fill few maps.

Of torch's own, that of the mean fills a map with numbers that are all the same, in the order of NCHW whatever the
map's, and that of ``amax`` fills three and counts ties in int64. Here the gradient of the mean is expanded where it is
added, and that of the maximum fills two.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from senet.ops.eager import is_eager

EXACT = (torch.float32, torch.float64)
"""Dtypes in which a sum over a map is as safe as its mean, and positions can be counted."""

NARROW = 32
"""Channels, below which torch's reduction over the other axes of a channels_last map is not vectorised."""


def mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """``x.mean(axes)``; axes are counted from the front."""
    if not _learns(x) or x.dtype not in EXACT:
        return x.mean(axes)
    return x.sum(axes) / math.prod(x.shape[axis] for axis in axes)


def maximum(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """``x.amax(axes)``; axes are counted from the front. Equal maxima share the gradient, as torch's do."""
    if not _learns(x):
        return _amax(x, axes)
    result: Tensor = Maximum.apply(x, axes)
    return result


def _learns(x: Tensor) -> bool:
    return torch.is_grad_enabled() and is_eager(x) and x.requires_grad


def _amax(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return ``x.amax(axes)``, of narrow channels_last maps on a CPU by pooling, which is vectorised there."""
    narrow = is_eager(x) and axes == (2, 3) and x.is_cpu and x.shape[1] < NARROW
    if narrow and x.numel() and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
        return F.max_pool2d(x.detach(), x.shape[2:]).flatten(1)
    return x.amax(axes)


class Maximum(Function):
    """The maximum over axes. Where it was is found in the backward pass, which can be differentiated again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Return ``x.amax(axes)``."""
        result = _amax(x, axes)
        ctx.axes = axes
        ctx.save_for_backward(x, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of x."""
        x, result = ctx.saved_tensors
        kept = [1 if axis in ctx.axes else size for axis, size in enumerate(x.shape)]
        with torch.no_grad():  # in the dtype of x: bools would be converted where they are counted and multiplied
            share = torch.eq(x, result.reshape(kept), out=torch.empty_like(x))
            count = share.sum(ctx.axes, keepdim=True, dtype=x.dtype if x.dtype in EXACT else torch.float32)
        return share * (grad.reshape(kept) / count).to(x.dtype), None
