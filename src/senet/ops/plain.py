"""The passes in torch's own operators: what runs on the CPU, and what the kernels are tested against.

A map is (B, C, H, W); rows are (B, C) or (1, C), one number for all positions of a channel.
"""

import torch
from torch import Tensor

PER_SAMPLE = 600_000
"""Bytes of an image's map, from which on one call an image is faster than a product that fills another map."""


def mean(x: Tensor) -> Tensor:
    """Mean over the positions, (B, C, H, W) -> (B, C)."""
    return x.mean((2, 3))


def scale_add_relu(
    x: Tensor, scale: Tensor, shift: Tensor | None, shortcut: Tensor, out: Tensor | None = None
) -> Tensor:
    """Return relu(x * scale + shift + shortcut).

    Args:
        x: Map.
        scale: Rows.
        shift: Rows; None adds nothing.
        shortcut: Map.
        out: Where the result goes; x is allowed.
    """
    y = torch.addcmul(shortcut, x, _over(scale), out=out)
    if shift is not None:
        y.add_(_over(shift))
    return y.relu_()


def relu_sums(grad: Tensor, result: Tensor, x: Tensor, center: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient before a ReLU, and its sums over the positions that the gradients of rows are made of.

    Args:
        grad: Of the ReLU's result, map.
        result: Of the ReLU, map.
        x: Map.
        center: (C,).

    Returns:
        g, grad where the result is positive and else 0, map; the sum of g, (B, C); the sum of g * (x - center), (B, C).
    """
    g = torch.ops.aten.threshold_backward(grad, result, 0)
    if x[0].numel() * x.element_size() < PER_SAMPLE or not x.is_cpu:
        total = g.sum((2, 3))
        return g, total, (g * x).sum((2, 3)) - center * total
    return g, *_sums_by_sample(g, x, center)


def combine(g: Tensor, scale: Tensor, x: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
    """Return g * scale + x * weight + shift, of two maps and three times rows."""
    return torch.addcmul(_over(shift), x, _over(weight)).addcmul_(g, _over(scale))


def _over(rows: Tensor) -> Tensor:
    return rows[:, :, None, None]


def _sums_by_sample(g: Tensor, x: Tensor, center: Tensor) -> tuple[Tensor, Tensor]:
    """Take both sums in one pass and without a map between: they are what torch's batch norm of one image needs."""
    one = torch.ones_like(center)
    sums = [
        torch.ops.aten.native_batch_norm_backward(a, b, one, None, None, center, one, True, 0.0, [False, True, True])
        for a, b in zip(g.split(1), x.split(1), strict=True)
    ]
    _, products, totals = zip(*sums, strict=True)
    return torch.stack(totals), torch.stack(products)
