"""Our side of benchmarks/training.py: the bare step, ``train()``, ``train_in_memory()`` and the loader."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from overhead_sides import without
from senet.data import Feed
from senet.inference.forward import autocast
from senet.training import Recipe, TrainingJob, train, train_in_memory
from senet.training.callbacks import EpochCallback
from senet.training.step.optimizer import build_optimizer

Window = Callable[[int], float]


def bare(model: nn.Module, recipe: Recipe, inputs: Tensor, labels: Tensor) -> Window:
    """Forward, backward, optimizer on one batch in memory: with these kernels, nothing trains faster."""
    model.to(memory_format=torch.channels_last).train()
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, recipe)

    def run(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            with autocast(inputs.device, recipe.compute):
                logits = model(inputs)
            F.cross_entropy(logits.float(), labels).backward()
            optimizer.step()
        return time.perf_counter() - start

    return run


def convolutions(model: nn.Module, recipe: Recipe, inputs: Tensor, labels: Tensor) -> Window:
    """The bare step without norms and without the ReLUs within units: what no other way of computing these can save."""
    for kind in (nn.BatchNorm2d, nn.ReLU):
        without(model, kind)
    return bare(model, replace(recipe, lr=1e-9), inputs, labels)  # so that nothing grows without the norms


class EnoughError(Exception):
    """Ends a run after the steps that are timed."""


class Clock(EpochCallback):
    """Notes when steps end, and ends the run after so many."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self.ends = steps, list[float]()

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())
        if len(self.ends) > self.steps:
            raise EnoughError


def run_of(model: nn.Module, feed: Feed, recipe: Recipe) -> Window:
    """``train()`` as the command line calls it, with its files; timed from the end of its first step on."""

    def run(steps: int) -> float:
        clock = Clock(steps)
        with tempfile.TemporaryDirectory() as folder:
            try:
                train(model, feed, TrainingJob(recipe, 0, Path(folder)), lambda *written: None, clock)
            except EnoughError:
                return clock.ends[-1] - clock.ends[0]
        raise ValueError(f"an epoch has fewer than {steps + 1} steps")

    return run


def in_memory(model: nn.Module, feed: Feed, recipe: Recipe) -> Window:
    """``train_in_memory()``, which a study calls; timed from the end of its first step on."""

    def run(steps: int) -> float:
        clock = Clock(steps)
        try:
            train_in_memory(model, feed, recipe, 0, clock)
        except EnoughError:
            return clock.ends[-1] - clock.ends[0]
        raise ValueError(f"an epoch has fewer than {steps + 1} steps")

    return run


def loader(feed: Feed) -> Callable[[int], float]:
    """Batches as the network gets them, float32 and normalised; an epoch from the start of its workers on."""
    epochs = iter(range(1, 10**6))

    def run(steps: int) -> float:
        start = time.perf_counter()
        for images, _ in feed.train_batches(0, next(epochs)):
            feed.transform.normalise(images)
        return time.perf_counter() - start

    return run
