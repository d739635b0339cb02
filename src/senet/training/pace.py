"""How long one training step takes on this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.training.recipe import Precision

ROUNDS = 5


@dataclass(frozen=True)
class Way:
    """A way to take a training step.

    Args:
        precision: ``float32``, or ``bf16`` autocast.
        threads: Of torch.
    """

    precision: Precision
    threads: int


def step_seconds(
    model: nn.Module, images: Tensor, labels: Tensor, prepare: Callable[[Tensor], Tensor], ways: list[Way]
) -> dict[Way, float]:
    """Return the seconds of a step in each way: the least of a few taken in turn, for other work only slows a step.

    Args:
        model: On the device to train on; its gradients and norms are touched.
        images: (B, C, H, W), a batch as the data has it.
        labels: (B,).
        prepare: Images on the device -> the model's input.
        ways: To compare.
    """
    step = _training_step(model.to(memory_format=torch.channels_last).train(), images, labels, prepare)
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for i in range(ROUNDS + 1):
        for way in ways:
            elapsed = _timed(step, way)
            if i:  # the first round compiles kernels
                times[way].append(elapsed)
    return {way: min(series) for way, series in times.items()}


def _training_step(
    model: nn.Module, images: Tensor, labels: Tensor, prepare: Callable[[Tensor], Tensor]
) -> Callable[[bool], float]:
    device = next(model.parameters()).device
    images, labels = images.to(device), labels.to(device)

    def step(bf16: bool) -> float:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = model(prepare(images))
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        return loss.item()  # waits for the device

    return step


def _timed(step: Callable[[bool], float], way: Way) -> float:
    torch.set_num_threads(way.threads)
    start = time.perf_counter()
    step(way.precision == "bf16")
    return time.perf_counter() - start
