"""Settle once what a study's trials share: precision and threads, by a short measurement on this machine."""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from senet.data import Dataset, Normaliser
from senet.errors import UsageError
from senet.training import Recipe
from senet.training.recipe import Precision

# bf16 must win clearly, or noise would decide and two runs of a study would differ.
CLEARLY = 1.25
ROUNDS = 5


def settle_precision(model: nn.Module, data: Dataset, recipe: Recipe) -> Precision:
    """Return bf16 where a training step is clearly faster with it: not where the processor emulates it.

    Args:
        model: The baseline network, on the device to train on; its gradients and norms are touched.
        data: Gives the batch.
        recipe: Gives batch size and threads.
    """
    torch.set_num_threads(recipe.threads)
    step = _training_step(model.to(memory_format=torch.channels_last).train(), data, recipe)
    times: dict[bool, list[float]] = {False: [], True: []}
    for i in range(ROUNDS + 1):
        for bf16 in times:
            elapsed = _timed(step, bf16)
            if i:  # the first round compiles kernels
                times[bf16].append(elapsed)
    ratio = statistics.median(times[False]) / statistics.median(times[True])
    return "bf16" if ratio > CLEARLY else "float32"


def _training_step(model: nn.Module, data: Dataset, recipe: Recipe) -> Callable[[bool], None]:
    normalise = Normaliser(data.mean, data.std)
    images, labels = data.train.images[: recipe.batch_size], data.train.labels[: recipe.batch_size]
    device = torch.device("cpu")

    def step(bf16: bool) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = model(normalise(images))
        F.cross_entropy(logits.float(), labels).backward()

    return step


def _timed(step: Callable[[bool], None], bf16: bool) -> float:
    start = time.perf_counter()
    step(bf16)
    return time.perf_counter() - start


def settle_workers(trials: int, cores: int, workers: int | None = None) -> tuple[int, int]:
    """Return (processes, threads each): as many one-thread trials side by side as there are cores.

    Small networks train faster so than one after the other on all cores: their steps are too short to share.

    Args:
        trials: How many there are to run.
        cores: How many cores there are.
        workers: Processes that the user asks for, or None.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers={workers} is below 1")
    processes = max(1, min(trials, workers or cores))
    return processes, max(1, cores // processes)
