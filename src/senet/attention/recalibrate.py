"""The end of a residual unit with attention: relu(y * w + shortcut), the Axpy layer of the authors' Caffe."""

import torch.nn.functional as F
from torch import Tensor


def recalibrate(y: Tensor, w: Tensor | None, shortcut: Tensor) -> Tensor:
    """Weigh the branch, add the shortcut, rectify.

    Args:
        y: The branch's output, (B, C, H, W).
        w: What multiplies it, broadcastable to y; None where there is no attention.
        shortcut: (B, C, H, W).
    """
    return F.relu(y + shortcut if w is None else y * w + shortcut)
