"""How many spatial axes a block takes: its contract does not say, so it is tried on a small map."""

import copy

import torch
from torch import nn

from senet.attention.smoke_test import small_map
from senet.errors import SenetError, UsageError
from senet.importing import explained
from senet.text import counted


def require_axes(block: nn.Module, spec: object, channels: int, axes: int, where: str) -> None:
    """Refuse a block that was made for maps of other numbers of spatial axes; nothing of it is changed.

    Args:
        block: Keeps to the contract.
        spec: That built it.
        channels: Of its input.
        axes: Spatial axes of its input: 1 of a sequence, 2 of an image, 3 of a video.
        where: Its place, for messages.

    Raises:
        UsageError: It fails on such a map, or returns another kind.
    """
    x = small_map(block, channels, axes)
    try:
        with torch.no_grad():
            out = copy.deepcopy(block).eval()(x)
        reason = "" if out.ndim == x.ndim else f"it makes {tuple(out.shape)} of {tuple(x.shape)}"
    except SenetError as error:
        reason = error.what
    except Exception as error:  # a user's forward may raise anything
        reason = explained(error)
    if reason:
        raise UsageError(
            f"{spec} does not take maps with {counted(axes, 'spatial axis', 'spatial axes')}",
            where=f"{where}: {reason}",
            do='choose a spec that does, for instance "SE(reduction=16)"',
        )
