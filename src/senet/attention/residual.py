"""Attention in a unit of a network in few passes over its map; `attend` and `recalibrate` are the formulas.

What the formula reads and writes once more at every operator is here summed and rectified in place, where that map is
nobody else's, and scaled in the same pass. In training, what a block computes of a map's mean is computed of sums
(:mod:`senet.ops.norm_tail`). Compilers, exporters and whoever records operators are given the formula.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.attention.recalibrate import attend, no_drop, recalibrate
from senet.attention.squeeze_excite import average
from senet.ops.eager import is_eager, is_hooked, returns_fresh
from senet.ops.norm_tail import norm_scale_add_relu, takes
from senet.ops.passes import passes

Drop = Callable[[Tensor], Tensor]
Excite = Callable[[Tensor], Tensor]


def residual(
    branch: nn.Module,
    x: Tensor,
    attention: nn.Module | None,
    shortcut: Callable[[Tensor], Tensor],
    drop: Drop = no_drop,
) -> Tensor:
    """Return ``recalibrate(branch(x), attention, shortcut(x), drop)``, (B, C, H, W): relu(attended branch + shortcut).

    Args:
        branch: A sequence that ends in a norm, if it is to be fast.
        x: (B, C_in, H, W).
        attention: As of :func:`~senet.attention.attend`.
        shortcut: x -> (B, C, H, W).
        drop: As of :func:`~senet.attention.attend`.
    """
    if not is_eager(x):
        return recalibrate(branch(x), attention, shortcut(x), drop)
    excite = excitation_of_mean(attention) if torch.is_grad_enabled() else None
    if excite is None or (layers := _sequence(branch)) is None:
        return attend_add_relu(branch(x), attention, shortcut(x), returns_fresh(branch), drop)
    v, norm = x, layers.pop()
    for layer in layers:
        v = layer(v)
    if takes(norm, v):
        return norm_scale_add_relu(v, norm, lambda z: drop(excite(z)[:, :, None, None]).flatten(1), shortcut(x))
    return attend_add_relu(norm(v), attention, shortcut(x), returns_fresh(norm), drop)


def attend_add(y: Tensor, attention: nn.Module | None, shortcut: Tensor, fresh: bool, drop: Drop = no_drop) -> Tensor:
    """Return ``attend(y, attention, drop) + shortcut``, a map that nobody else holds, (B, C, H, W).

    Args:
        y: What the branch leaves, (B, C, H, W).
        attention: As of :func:`~senet.attention.attend`.
        shortcut: (B, C, H, W).
        fresh: Whether y may be overwritten; see :func:`~senet.ops.eager.returns_fresh`.
        drop: As of :func:`~senet.attention.attend`.
    """
    block: Any = attention
    if not _fits(y, shortcut):
        return attend(y, attention, drop) + shortcut
    if block is None:  # a sum keeps nothing for the backward pass
        return drop(y).add_(shortcut) if fresh else drop(y) + shortcut
    if block.effect is not Effect.MULTIPLIES:
        return drop(block(y)) + shortcut
    fresh = fresh and _may_overwrite(block)
    y, s = factors(block, y, fresh)
    y = drop(y)
    return torch.addcmul(shortcut, y, s, out=y if fresh else None)


def attend_add_relu(
    y: Tensor, attention: nn.Module | None, shortcut: Tensor, fresh: bool, drop: Drop = no_drop
) -> Tensor:
    """Return :func:`attend_add` of the same, rectified: by one kernel on CUDA, where gradients are off."""
    block: Any = attention
    multiplies = block is not None and block.effect is Effect.MULTIPLIES
    if type(y) is Tensor and y.is_cuda and multiplies and not torch.is_grad_enabled() and _fits(y, shortcut):
        fresh = fresh and _may_overwrite(block)
        y, s = factors(block, y, fresh)
        if s.shape == (*y.shape[:2], 1, 1):
            y = drop(y)
            return passes(y).scale_add_relu(y, s.flatten(1), None, shortcut, y if fresh else None)
        return torch.addcmul(shortcut, drop(y), s).relu_()
    return attend_add(y, attention, shortcut, fresh, drop).relu_()


def attend_fresh(y: Tensor, attention: nn.Module | None, fresh: bool = True) -> Tensor:
    """Return ``attend(y, attention)``, in the place of y where gradients are off, (B, C, H, W).

    Args:
        y: A map, (B, C, H, W).
        attention: As of :func:`~senet.attention.attend`.
        fresh: Whether y may be overwritten.
    """
    block: Any = attention
    if block is None or block.effect is not Effect.MULTIPLIES or not is_eager(y):
        return attend(y, attention)
    fresh = fresh and _may_overwrite(block)
    y, s = factors(block, y, fresh)
    return y.mul_(s) if fresh else y * s


class AttendedSequential(nn.Sequential):
    """Layers in a row, of which one, ``attention``, weighs what a norm or an activation in place has left."""

    def forward(self, x: Tensor) -> Tensor:
        """Run them; shapes as of the layers."""
        before: nn.Module | None = None
        for name, layer in self._modules.items():
            if name == "attention" and before is not None and not is_hooked(layer):
                x = attend_fresh(x, layer, returns_fresh(before))
            else:
                x = layer(x)
            before = layer
        return x


def factors(block: Any, y: Tensor, fresh: bool) -> tuple[Tensor, Tensor]:
    """Return two tensors of which ``y * block.weights(y)`` is the product, the first of the shape of y.

    Args:
        block: Multiplies y.
        y: (B, C, H, W).
        fresh: Whether y may be overwritten.
    """
    if _declares(block, "factors"):
        first, second = block.factors(y, fresh)
        return first, second
    return y, block.weights(y)


def excitation_of_mean(attention: Any) -> Excite | None:
    """Return what makes a block's weights (B, C) of the mean over the positions (B, C), if it sees no more of a map."""
    if attention is not None and _declares(attention, "excite") and attention.squeeze is average:
        excite: Excite = attention.excite
        return excite
    return None


def _fits(y: Tensor, shortcut: Tensor) -> bool:
    return is_eager(y) and y.dtype == shortcut.dtype and y.shape == shortcut.shape


def _may_overwrite(block: nn.Module) -> bool:
    """Whether a map may be overwritten that a block has seen: ours keep none, a user's own or a hook within might."""
    if torch.is_grad_enabled() or not type(block).__module__.startswith("senet."):
        return False
    # The layers of the first see no map, and the second look for hooks themselves.
    apart = _declares(block, "excite") or _declares(block, "factors")
    return apart or not any(is_hooked(module) for module in block.modules())


def _declares(block: nn.Module, method: str) -> bool:
    """Whether a block's own class has a method beside the weights that it belongs to: a subclass may have others."""
    own = vars(type(block))
    return method in own and "weights" in own and "weights" not in block.__dict__


def _sequence(module: nn.Module) -> list[nn.Module] | None:
    """Return the modules that a sequence runs, those at its end one by one; None where somebody listens in there."""
    if is_hooked(module):
        return None
    if type(module) is not nn.Sequential:
        return [module]
    *first, last = module
    end = _sequence(last)
    return None if end is None else [*first, *end]
