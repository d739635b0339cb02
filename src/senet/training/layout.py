"""The memory layout that a recipe asks for."""

import torch
from torch import Tensor

from senet.training.recipe import Recipe


def laid_out(images: Tensor, recipe: Recipe) -> Tensor:
    """Return images (B, C, H, W) in the recipe's layout.

    Grey images lie the same way in both layouts, so ``contiguous()`` leaves their strides; convolutions go by these.
    """
    if recipe.channels_last:
        return images.contiguous(memory_format=torch.channels_last)
    return images.contiguous().view(-1).view(images.shape)
