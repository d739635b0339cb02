"""The end of a residual unit in training: relu(batch_norm(v) * s + shortcut), s a function of batch_norm(v)'s mean.

The usual operators keep v, the norm's output and the result for the backward pass; these keep v and the result, as a
unit without attention does, and what the gate needs is computed from sums. Per image and channel, with the mean m and
the variance of the batch,

    z   = mean over the positions of batch_norm(v) = (mu - m) gamma / sigma + beta,  mu the mean of v
    out = relu((v - m) a + d + shortcut),  a = s gamma / sigma,  d = s beta

so that rows alone, (B, C), go through the gate, by autograd. There are two functions because the gate stands between:
:class:`BatchStatistics` makes mu and the variance, :class:`ScaleAddReLU` the result. In the backward pass the second
leaves ``v``'s gradient to the first, which has the sums by then and makes it in one pass.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from senet.ops.eager import is_hooked
from senet.ops.passes import passes


class Link:
    """What the gradient of the result is multiplied with on its way to v, for :class:`BatchStatistics` to do."""

    scale: Tensor | None = None


class BatchStatistics(Function):
    """v (B, C, H, W) -> v itself, its mean over positions (B, C), its biased variance over the batch (C,)."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, norm: nn.BatchNorm2d, link: Link) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Also updates the running statistics."""
        assert norm.momentum is not None  # takes() asked
        mean, var = torch.batch_norm_update_stats(v, norm.running_mean, norm.running_var, norm.momentum)
        ctx.link = link
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(v, mean)
        ctx.mark_non_differentiable(mean)
        return v.view_as(v), passes(v).mean(v), var, mean

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, d_mu: Tensor | None, d_var: Tensor | None, _: Any) -> Any:
        """Return the gradient of v: g * scale + d_mu / positions + 2 d_var (v - mean) / values of a channel."""
        v, mean = ctx.saved_tensors
        images, channels = v.shape[:2]
        d_mu = v.new_zeros(images, channels) if d_mu is None else d_mu
        d_var = v.new_zeros(channels) if d_var is None else d_var
        weight = 2 / (images * v[0, 0].numel()) * d_var
        if torch.is_grad_enabled() or g is None or ctx.link.scale is None:
            centered = v - v.mean((0, 2, 3), keepdim=True)
            rest = d_mu[:, :, None, None] / v[0, 0].numel() + centered * weight[:, None, None]
            return rest if g is None else g + rest, None, None
        shift = d_mu / v[0, 0].numel() - weight * mean
        return passes(v).combine(g, ctx.link.scale, v, weight[None], shift), None, None


class ScaleAddReLU(Function):
    """relu((v - center) * a + d + shortcut), of maps (B, C, H, W) and rows a, d (B, C) and center (C,)."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, a: Tensor, d: Tensor, shortcut: Tensor, center: Tensor, link: Link) -> Tensor:
        """Return the result."""
        result = passes(v).scale_add_relu(v, a, d - center * a, shortcut)
        ctx.link = link
        ctx.save_for_backward(v, a, center, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """Return the gradients; that of v without its scale, which the link has, unless it is differentiated again."""
        v, a, center, result = ctx.saved_tensors
        if torch.is_grad_enabled():
            ctx.link.scale = None
            g = grad * (result > 0)
            total, product = g.sum((2, 3)), (g * (v - center[:, None, None])).sum((2, 3))
            return g * a[:, :, None, None], product, total, g, -(a * total).sum(0), None
        ctx.link.scale = a
        g, total, product = passes(v).relu_sums(grad, result, v, center)
        return g, product, total, g, -(a * total).sum(0), None


def norm_scale_add_relu(v: Tensor, norm: Any, excite: Callable[[Tensor], Tensor], shortcut: Tensor) -> Tensor:
    """Return relu(norm(v) * s + shortcut), (B, C, H, W), with s = excite(mean over the positions of norm(v)).

    Args:
        v: (B, C, H, W).
        norm: As :func:`takes` asks for; counts the batch.
        excite: (B, C) -> (B, C, 1, 1).
        shortcut: (B, C, H, W).
    """
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    link = Link()
    v, mu, var, _ = BatchStatistics.apply(v, norm, link)
    center = mu.mean(0)
    scale = norm.weight * (var + norm.eps).rsqrt()
    z = (mu - center) * scale + norm.bias
    s = excite(z.to(v.dtype))[:, :, 0, 0].to(scale.dtype)
    result: Tensor = ScaleAddReLU.apply(v, s * scale, s * norm.bias, shortcut, center, link)
    return result


def takes(norm: nn.Module, v: Tensor) -> bool:
    """Whether a norm and what it is given can be taken apart so: a batch norm that trains, in the dtype of the map."""
    return (
        (v.is_cpu or v.is_cuda)  # elsewhere the statistics have no operator of their own
        and type(norm) is nn.BatchNorm2d
        and norm.training
        and norm.running_mean is not None
        and norm.momentum is not None
        and norm.affine
        and not is_hooked(norm)
        and v.dtype in passes(v).dtypes
        and v.numel() > v.shape[1]
    )
