"""Settle the precision once, by a short measurement on this machine."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.training.recipe import Precision

# bf16 must win clearly, or noise would decide and two equal runs would differ.
CLEARLY = 1.25
ROUNDS = 5


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
    torch.set_num_threads(threads)
    step = _training_step(model.to(memory_format=torch.channels_last).train(), images, labels, prepare)
    times: dict[bool, list[float]] = {False: [], True: []}
    for i in range(ROUNDS + 1):
        for bf16 in times:
            elapsed = _timed(step, bf16)
            if i:  # the first round compiles kernels
                times[bf16].append(elapsed)
    ratio = min(times[False]) / min(times[True])  # the least disturbed: other work on the machine only slows a step
    return "bf16" if ratio > CLEARLY else "float32"


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


def _timed(step: Callable[[bool], float], bf16: bool) -> float:
    start = time.perf_counter()
    step(bf16)
    return time.perf_counter() - start
