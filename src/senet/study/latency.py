"""How long one image takes: forward passes of all variants in turn, so that noise meets all alike."""

import statistics
import time

import torch
from torch import nn

from senet.training.threads import torch_threads

ROUNDS = 30
WARM_UP = 5


@torch.no_grad()
def latencies(
    models: dict[str, nn.Module], images: dict[str, tuple[int, int, int]], threads: int, rounds: int = ROUNDS
) -> dict[str, float]:
    """Return each model's median time for one image, in milliseconds, in evaluation mode and float32.

    Args:
        models: By variant, on one device.
        images: Channels, height and width of each one's.
        threads: torch threads to use.
        rounds: Of all models, beside those that warm them up.
    """
    ones = {
        name: torch.zeros(1, *image).contiguous(memory_format=torch.channels_last) for name, image in images.items()
    }
    times: dict[str, list[float]] = {variant: [] for variant in models}
    for model in models.values():
        model.to(memory_format=torch.channels_last).eval()
    with torch_threads(threads):
        for _ in range(WARM_UP + rounds):
            for variant, model in models.items():
                start = time.perf_counter()
                model(ones[variant])
                times[variant].append(1000 * (time.perf_counter() - start))
    return {variant: statistics.median(series[WARM_UP:]) for variant, series in times.items()}
