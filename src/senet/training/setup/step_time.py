"""How long one training step takes on this machine, and in which precision it is the faster."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet.data.loader.feed import Feed
from senet.inference.compute import Compute, Precision
from senet.inference.forward import compute_logits

ROUNDS = 5
LONG = 20.0  # seconds after which the rounds that were made suffice
# bf16 must win clearly, or noise would decide and two equal runs would differ.
CLEARLY = 1.25


@dataclass(frozen=True)
class StepVariant:
    """How a training step is computed.

    Args:
        precision: ``float32``, or ``bf16`` autocast.
        threads: Of torch.
        compiled: Whether by torch.compile.
    """

    precision: Precision
    threads: int
    compiled: bool = False


def step_seconds(
    model: nn.Module, feed: Feed, batch_size: int, variants: list[StepVariant]
) -> dict[StepVariant, float]:
    """Return the seconds of a step of each variant: the least of a few taken in turn, for other work only slows a step.

    Args:
        model: On the device to train on; its gradients and norms are touched.
        feed: Says what a batch is like; none is read.
        batch_size: Images a step, as far as there are so many.
        variants: To compare.
    """
    size = min(batch_size, len(feed.train))
    images, labels = torch.zeros(size, *feed.transform.shape, dtype=torch.uint8), torch.arange(size) % len(feed.classes)
    model.to(memory_format=torch.channels_last).train()
    step = _training_step(model, images, labels, feed.transform.normalise)
    network = torch.compile(model) if any(variant.compiled for variant in variants) else model
    compiled = _training_step(network, images, labels, feed.transform.normalise)
    times: dict[StepVariant, list[float]] = {variant: [] for variant in variants}
    began = time.perf_counter()
    for i in range(ROUNDS + 1):
        if i > 1 and time.perf_counter() - began > LONG:
            break
        for variant in variants:
            elapsed = _timed(compiled if variant.compiled else step, variant)
            if i:  # the first round compiles kernels
                times[variant].append(elapsed)
    return {variant: min(series) for variant, series in times.items()}


def _training_step(
    model: Any, images: Tensor, labels: Tensor, prepare: Callable[[Tensor], Tensor]
) -> Callable[[Precision], float]:
    device = next(model.parameters()).device
    images, labels = images.to(device), labels.to(device)

    def step(precision: Precision) -> float:
        logits = compute_logits(model, prepare(images), Compute(precision))
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        return loss.item()  # waits for the device

    return step


def _timed(step: Callable[[Precision], float], variant: StepVariant) -> float:
    with torch_threads(variant.threads):
        start = time.perf_counter()
        step(variant.precision)
        return time.perf_counter() - start


def faster_precision(gain: float) -> Precision:
    """Return bf16 where its step is clearly the faster one; ``gain`` is a float32 step's time over it."""
    return "bf16" if gain > CLEARLY else "float32"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads, and put its number back: the caller's own work goes on as it did."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
