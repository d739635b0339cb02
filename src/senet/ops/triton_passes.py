"""The passes of :mod:`senet.ops.plain` by Triton's kernels, each one pass over memory; importing this needs triton.

Maps are float16, bfloat16, float32 or float64, contiguous or channels_last, and have at least one position. Arithmetic
is in float32, and in float64 for maps of that; so are the rows that are returned, where plain's have the dtype of the
map. Maps that are returned have the memory format of `x`, to which the other maps are brought. The order in which sums
are taken depends on the shape and the memory format alone.
"""

import torch
from torch import Tensor

from senet.ops import triton_kernels as kernels
from senet.ops.tiles import memory_format, tiles


def mean(x: Tensor) -> Tensor:
    """Mean over the positions, (B, C, H, W) -> (B, C)."""
    form = memory_format(x)
    cut = tiles(x.shape, form)
    means = _sums(x, cut.splits)
    with torch.cuda.device_of(x):  # Triton launches on the current one
        kernels.mean[(cut.programs_of_sums,)](_like(x, x, form), means, cut.steps, *cut.arguments)
    return _added(means)


def scale_add_relu(
    x: Tensor, scale: Tensor, shift: Tensor | None, shortcut: Tensor, out: Tensor | None = None
) -> Tensor:
    """Return relu(x * scale + shift + shortcut); see :func:`senet.ops.plain.scale_add_relu`."""
    form = memory_format(x)
    cut = tiles(x.shape, form)
    fits = out is not None and out.is_contiguous(memory_format=form)
    y = out if out is not None and fits else _empty(x, shortcut, form)
    scale, scale_step = _rows(scale, x)
    shift, shift_step = (None, 0) if shift is None else _rows(shift, x)
    with torch.cuda.device_of(x):
        kernels.scale_add_relu[(cut.programs,)](
            _like(x, x, form), scale, shift, _like(shortcut, x, form), y, scale_step, shift_step, *cut.arguments
        )
    return y if out is None or fits else out.copy_(y)


def relu_sums(grad: Tensor, result: Tensor, x: Tensor, center: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient before a ReLU and its sums; see :func:`senet.ops.plain.relu_sums`."""
    form = memory_format(x)
    cut = tiles(x.shape, form)
    g = torch.empty_like(x, dtype=grad.dtype, memory_format=form)
    totals, products = _sums(x, cut.splits), _sums(x, cut.splits)
    maps = _like(grad, x, form), _like(result, x, form), _like(x, x, form)
    with torch.cuda.device_of(x):
        kernels.relu_sums[(cut.programs_of_sums,)](
            *maps, center.contiguous(), g, totals, products, cut.steps, *cut.arguments
        )
    return g, _added(totals), _added(products)


def combine(g: Tensor, scale: Tensor, x: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
    """Return g * scale + x * weight + shift, of two maps and three times rows."""
    form = memory_format(x)
    cut = tiles(x.shape, form)
    out = _empty(g, x, form)
    rows, steps = zip(*(_rows(rows, x) for rows in (scale, weight, shift)), strict=True)
    with torch.cuda.device_of(x):
        kernels.combine[(cut.programs,)](
            _like(g, x, form), rows[0], _like(x, x, form), rows[1], rows[2], out, *steps, *cut.arguments
        )
    return out


def _like(y: Tensor, x: Tensor, form: torch.memory_format) -> Tensor:
    """Return a map in the shape of another and in a memory format: itself, if it has both."""
    return (y if y.shape == x.shape else y.expand_as(x)).contiguous(memory_format=form)


def _empty(x: Tensor, y: Tensor, form: torch.memory_format) -> Tensor:
    return torch.empty_like(x, dtype=torch.promote_types(x.dtype, y.dtype), memory_format=form)


def _rows(rows: Tensor, x: Tensor) -> tuple[Tensor, int]:
    """Return rows without gaps, and the step from one to the next."""
    channels = x.shape[1]
    if rows.shape == (1, channels):
        return rows.contiguous(), 0
    shape = x.shape[:2]
    return (rows if rows.shape == shape else rows.expand(shape)).contiguous(), channels


def _sums(x: Tensor, splits: int) -> Tensor:
    """Return memory for sums of parts, (B, splits, C)."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    return torch.empty(x.shape[0], splits, x.shape[1], dtype=dtype, device=x.device)


def _added(sums: Tensor) -> Tensor:
    return sums.squeeze(1) if sums.shape[1] == 1 else sums.sum(1)
