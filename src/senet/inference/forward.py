"""Run a network on a batch, in a precision and a memory layout."""

import torch
from torch import Tensor, nn

from senet.inference.compute import Compute

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, compute: Compute) -> torch.autocast:
    """Return the autocast context of a precision."""
    return torch.autocast(device.type, DTYPES[compute.precision], enabled=compute.precision != "float32")


def laid_out(images: Tensor, compute: Compute) -> Tensor:
    """Return images (B, C, H, W) in the layout.

    Grey images lie the same way in both layouts, so ``contiguous()`` leaves their strides; convolutions go by these.
    """
    if compute.channels_last:
        return images.contiguous(memory_format=torch.channels_last)
    return images.contiguous().view(-1).view(images.shape)


def logits_of(model: nn.Module, prepared: Tensor, compute: Compute) -> Tensor:
    """Run a model on a batch of its input, (B, C, H, W) -> (B, classes)."""
    with autocast(prepared.device, compute):
        logits: Tensor = model(laid_out(prepared, compute))
    return logits
