"""Run a network on a batch: on which device, in which precision, in which memory layout."""

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.inference.compute import Compute

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, compute: Compute) -> torch.autocast:
    """Return the autocast context of a precision."""
    return torch.autocast(device.type, DTYPES[compute.precision], enabled=compute.precision != "float32")


def to_memory_format(images: Tensor, compute: Compute) -> Tensor:
    """Return images (B, C, H, W) in the layout.

    Grey images lie the same way in both layouts, so ``contiguous()`` leaves their strides; convolutions go by these.
    """
    if compute.channels_last:
        return images.contiguous(memory_format=torch.channels_last)
    return images.contiguous().view(-1).view(images.shape)


def compute_logits(model: nn.Module, prepared: Tensor, compute: Compute) -> Tensor:
    """Run a model on a batch of its input, (B, C, H, W) -> (B, classes)."""
    with autocast(prepared.device, compute):
        logits: Tensor = model(to_memory_format(prepared, compute))
    return logits


def resolve_device(name: str) -> torch.device:
    """Return the device, or refuse one that is not there: nothing falls back to a slower one unasked.

    Args:
        name: As torch has it, or ``auto``: a GPU where there is one.

    Raises:
        UsageError: It cannot be used.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        what = str(error).partition("\n")[0]
        raise UsageError(f"device {name!r} cannot be used: {what}", do="pass --device auto or cpu") from error
