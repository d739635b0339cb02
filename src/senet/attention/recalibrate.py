"""What a network's unit does with attention: the branch attended, and relu(branch + shortcut), Caffe's Axpy layer."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from senet.attention.contract import Effect


def no_drop(y: Tensor) -> Tensor:
    """Drop nothing."""
    return y


def attend(y: Tensor, attention: nn.Module | None, drop: Callable[[Tensor], Tensor] = no_drop) -> Tensor:
    """Return the branch as attention changes it, shape of y.

    Args:
        y: What the branch leaves, (B, C, H, W).
        attention: Multiplies it or adds to it; None leaves it.
        drop: Stochastic depth of the branch as a whole; attention sees all of it.
    """
    block: Any = attention
    if block is None:
        return drop(y)
    if (
        block.effect is Effect.MULTIPLIES
    ):  # either order is the same but for rounding, and finished trials have this one
        weighed: Tensor = drop(y) * block.weights(y)
        return weighed
    return drop(block(y))


def recalibrate(
    y: Tensor, attention: nn.Module | None, shortcut: Tensor, drop: Callable[[Tensor], Tensor] = no_drop
) -> Tensor:
    """Attend to the branch, add the shortcut, rectify.

    Args:
        y: What the branch leaves, (B, C, H, W).
        attention: As of :func:`attend`.
        shortcut: (B, C, H, W).
        drop: As of :func:`attend`.
    """
    return F.relu(attend(y, attention, drop) + shortcut)
