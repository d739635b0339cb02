"""Multiply-adds of the operators that are matrix products, or come to some; by closed formulas over shapes."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

Formula = Callable[[tuple[Any, ...], Tensor], float]  # (arguments, first result) -> multiply-adds


def multiply_adds(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int | None:
    """Return the multiply-adds of one call of an operator; None if it is no product with a formula.

    Args:
        func: The ``OpOverload``.
        args: Its arguments.
        kwargs: Its keyword arguments.
        out: What it returned.
    """
    if func.overloadpacket in flop_registry:
        return int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=out) // 2)
    formula = FORMULAS.get(func._schema.name)
    return None if formula is None else round(formula(args, out[0] if isinstance(out, tuple) else out))


def interpolated_samples(func: Any, args: tuple[Any, ...], out: Any) -> int:
    """Return how many values a deformable convolution interpolates, one for each weight of a filter and position."""
    if func._schema.name != "torchvision::deform_conv2d":
        return 0
    return int(out.numel() // out.shape[1] * args[0].shape[1] * math.prod(args[1].shape[2:]))


def _elements(position: int) -> Formula:
    """Every element of one factor is used once."""
    return lambda args, out: int(args[position].numel())


def _rows(position: int) -> Formula:
    """Every element of one factor is used for each column of the result."""
    return lambda args, out: int(args[position].numel()) * out.shape[-1]


def _bilinear(args: tuple[Any, ...], out: Tensor) -> int:
    """x1 W x2: each weight once, then one sum over the second input, for each output."""
    batch, (outputs, _, second) = args[0].shape[0], args[1].shape
    return int(batch * (args[1].numel() + outputs * second))


def _pairs(args: tuple[Any, ...], out: Tensor) -> int:
    """A difference and its power, added up over the features of each pair."""
    return int(out.numel() * args[0].shape[-1])


def _fft(values: Callable[[tuple[Any, ...], Tensor], Tensor], flops: float) -> Formula:
    """The nominal operations of a transform of n values, 5 n log2(n), half as many where one side is real.

    FFTW and others state their speed in it; the true number is the library's.
    """

    def count(args: tuple[Any, ...], out: Tensor) -> float:
        whole = values(args, out)
        length = math.prod(whole.shape[axis] for axis in args[1])
        return flops / 2 * whole.numel() * math.log2(length)

    return count


def _attention(args: tuple[Any, ...], out: Tensor) -> int:
    return int(sdpa_flop_count(*(t.shape for t in args[:3])) // 2)


FORMULAS: dict[str, Formula] = {
    **{f"aten::{name}": _elements(0) for name in ("mv", "dot", "vdot")},
    "aten::addmv": _elements(1),
    **{f"aten::{name}": _rows(0) for name in ("_int_mm", "_weight_int8pack_mm", "_weight_int4pack_mm")},
    **{f"aten::{name}": _rows(1) for name in ("addbmm", "_addmm_activation")},
    "aten::addr": lambda args, out: out.numel(),
    "aten::_trilinear": _bilinear,
    **{f"aten::{name}": _pairs for name in ("_cdist_forward", "_euclidean_dist", "_pdist_forward")},
    "aten::conv_tbc": lambda args, out: out.numel() * args[1].shape[0] * args[1].shape[1],
    "aten::affine_grid_generator": lambda args, out: out.numel() * args[0].shape[-1],
    "aten::_fft_r2c": _fft(lambda args, out: args[0], 2.5),
    "aten::_fft_c2r": _fft(lambda args, out: out, 2.5),
    "aten::_fft_c2c": _fft(lambda args, out: args[0], 5),
    "aten::_scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten::_scaled_dot_product_fused_attention_overrideable": _attention,
    "torchvision::deform_conv2d": lambda args, out: out.numel() * args[1][0].numel(),
}
