"""Settle the precision once, by a short measurement on this machine."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from senet.training.pace import Way, step_seconds
from senet.training.recipe import Precision

# bf16 must win clearly, or noise would decide and two equal runs would differ.
CLEARLY = 1.25


def settle_precision(
    model: nn.Module, images: Tensor, labels: Tensor, prepare: Callable[[Tensor], Tensor], threads: int
) -> Precision:
    """Return bf16 where a training step is clearly faster with it: not where the processor emulates it.

    Args:
        model: On the device to train on; its gradients and norms are touched.
        images: (B, C, H, W), a batch as the data has it.
        labels: (B,).
        prepare: Images on the device -> the model's input.
        threads: Of torch.
    """
    ways = [Way("float32", threads), Way("bf16", threads)]
    return faster(step_seconds(model, images, labels, prepare, ways), threads)


def faster(times: Mapping[Way, float], threads: int) -> Precision:
    """Return bf16 where its step is clearly faster than that of float32 with so many threads."""
    return "bf16" if times[Way("float32", threads)] / times[Way("bf16", threads)] > CLEARLY else "float32"
