"""What each variant's network costs, and how long one image takes."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn

from senet.accounting import Cost, cost, uncounted_text
from senet.data import Feed
from senet.study.plan import Plan
from senet.training.setup.step_time import torch_threads


@dataclass(frozen=True)
class VariantCost:
    """What a variant's network costs.

    Args:
        parameters: Trainable.
        multiply_adds: Of one image, of the size that its recipe asks for.
        latency_ms: Median forward time of one image, or None.
        uncounted: What multiply-adds lack, a sentence; empty if nothing.
    """

    parameters: int
    multiply_adds: int
    latency_ms: float | None
    uncounted: str = ""


def variant_costs(plan: Plan, feed: Feed) -> dict[str, VariantCost]:
    """Count and time every variant; to be called while nothing else runs."""
    variants = plan.variants.items()
    models = {name: variant.begin(plan.network, plan.start, feed).model for name, variant in variants}
    images = {name: variant.image(plan.recipe, feed) for name, variant in variants}
    times = latencies(models, images, plan.recipe.threads)
    counts = {name: cost(model, images[name]) for name, model in models.items()}
    return {name: _cost(counts[name], times[name]) for name in models}


def _cost(counted: Cost, milliseconds: float | None) -> VariantCost:
    return VariantCost(counted.parameters, counted.multiply_adds, milliseconds, uncounted_text(counted.uncounted))


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
