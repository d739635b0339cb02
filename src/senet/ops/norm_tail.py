"""The end of a residual unit in training: relu(batch_norm(v) * s + shortcut), s a function of batch_norm(v)'s mean.

The usual operators keep v, the norm's output and the result for the backward pass; these keep v and the result, as a
unit without attention does, and what the gate needs is computed from sums. Per image and channel, with the mean m and
the deviation sigma of the batch,

    z   = mean over the positions of batch_norm(v) = (mu - m) gamma / sigma + beta,  mu the mean of v
    out = relu((v - m) a + d + shortcut),  a = s gamma / sigma,  d = s beta

so that rows alone, (B, C), go through the gate, by autograd. There are two functions because the gate stands between:
:class:`NormMean` makes z, :class:`ScaleAddReLU` the result. In the backward pass the second leaves the gradients of v,
gamma and beta to the first, which has all sums by then. Gradients that are differentiated again are the formula's.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from senet.ops.eager import is_hooked
from senet.ops.passes import passes

Gradients = tuple[Tensor | None, ...]


class Link:
    """What the two functions of a unit tell each other; all but s, d_a and d_d is of the forward pass."""

    mean: Tensor
    """m, (C,)."""
    inverse: Tensor
    """1 / sigma, (C,)."""
    scale: Tensor
    """gamma / sigma, (C,)."""
    eps: float
    s: Tensor
    """(B, C)."""
    d_a: Tensor
    """Gradient of a, (B, C): the sum over the positions of g * (v - m), with g the gradient before the ReLU."""
    d_d: Tensor
    """Gradient of d, (B, C): the sum of g."""


class NormMean(Function):
    """v (B, C, H, W), gamma and beta (C,) -> v itself; the mean over the positions of its batch norm, (B, C)."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, gamma: Tensor, beta: Tensor, norm: Any, link: Link) -> tuple[Tensor, Tensor]:
        """Also updates the running statistics."""
        link.mean, var = torch.batch_norm_update_stats(v, norm.running_mean, norm.running_var, norm.momentum)
        link.eps, link.inverse = norm.eps, var.add_(norm.eps).rsqrt_()
        link.scale = gamma * link.inverse
        centered = passes(v).mean(v).sub_(link.mean)
        ctx.link = link
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(v, gamma, beta, centered)
        return v.view_as(v), (centered * link.scale).add_(beta)

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, d_z: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of v, gamma and beta: with those that the other function left, if it left any with g."""
        v, gamma, beta, centered = ctx.saved_tensors
        link: Link = ctx.link
        if g is None:
            return *_formula(_mean, d_z, link.eps, v, gamma, beta), None, None
        d_z = torch.zeros_like(centered) if d_z is None else d_z
        positions, images = v[0, 0].numel(), len(v)
        d_beta = torch.addcmul(d_z, link.s, link.d_d).sum(0)
        d_gamma = (d_z * centered).addcmul_(link.s, link.d_a).sum(0).mul_(link.inverse)
        weight = d_gamma * link.scale * link.inverse / -(images * positions)
        shift = (d_z - d_beta / images) * (link.scale / positions) - weight * link.mean
        d_v = passes(v).combine(g, link.s * link.scale, v, weight[None], shift)
        return d_v, d_gamma, d_beta, None, None


class ScaleAddReLU(Function):
    """relu(batch_norm(v) * s + shortcut), of maps (B, C, H, W) and rows gamma, beta (C,) and s (B, C).

    It is given v twice: as the other function returned it, to which gradients go that this one leaves to that one, and
    as it was, to which those go that are complete.
    """

    @staticmethod
    def forward(
        ctx: Any, passed: Tensor, v: Tensor, gamma: Tensor, beta: Tensor, s: Tensor, shortcut: Tensor, link: Link
    ) -> Tensor:
        """Return the result; the statistics are the link's."""
        a = s * link.scale
        result = passes(v).scale_add_relu(v, a, s * beta - link.mean * a, shortcut)
        ctx.link = link
        ctx.save_for_backward(v, gamma, beta, s, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients; where they are differentiated again, all of them."""
        v, gamma, beta, s, result = ctx.saved_tensors
        link: Link = ctx.link
        if torch.is_grad_enabled():
            g = grad * (result > 0)
            return None, *_formula(_scaled, g, link.eps, v, gamma, beta, s), g, None
        link.s = s.detach()  # else the graph would hold itself
        g, link.d_d, link.d_a = passes(v).relu_sums(grad, result, v, link.mean)
        return g, None, None, None, link.d_a * link.scale + link.d_d * beta, g, None


def norm_scale_add_relu(v: Tensor, norm: Any, excite: Callable[[Tensor], Tensor], shortcut: Tensor) -> Tensor:
    """Return relu(norm(v) * s + shortcut), (B, C, H, W), with s = excite(mean over the positions of norm(v)).

    Args:
        v: (B, C, H, W).
        norm: As :func:`takes` asks for; counts the batch.
        excite: (B, C) -> (B, C).
        shortcut: (B, C, H, W).
    """
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    gamma, beta, link = norm.weight, norm.bias, Link()
    passed, z = NormMean.apply(v, gamma, beta, norm, link)
    s = excite(z.to(v.dtype)).to(z.dtype)
    result: Tensor = ScaleAddReLU.apply(passed, v, gamma, beta, s, shortcut, link)
    return result


def _mean(y: Tensor) -> Tensor:
    return y.mean((2, 3))


def _scaled(y: Tensor, s: Tensor) -> Tensor:
    return y * s[:, :, None, None]


def _formula(
    function: Callable[..., Tensor], grad: Tensor | None, eps: float, v: Tensor, gamma: Tensor, beta: Tensor, *s: Tensor
) -> Gradients:
    """Return the gradients of v, gamma, beta and s, if grad is that of ``function(batch_norm(v), *s)``."""
    again = torch.is_grad_enabled()
    if grad is None:
        return (None,) * (3 + len(s))
    with torch.enable_grad():
        inputs = [tensor.view_as(tensor) for tensor in (v, gamma, beta, *s)]  # s may be a function of v
        y = function(F.batch_norm(inputs[0], None, None, inputs[1], inputs[2], True, 0.0, eps), *inputs[3:])
        wanted = [tensor for tensor in inputs if tensor.requires_grad]
        found = iter(torch.autograd.grad(y, wanted, grad, create_graph=again))
    return tuple(next(found) if tensor.requires_grad else None for tensor in inputs)


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
