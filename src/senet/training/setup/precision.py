"""The precision of a run, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from senet.data.loader.feed import Feed
from senet.inference.compute import Precision
from senet.training.setup.step_time import StepVariant, faster_precision
from senet.training.setup.step_time_cache import cached_step_times

MEASURED_ON = 64  # images at the most


@dataclass(frozen=True)
class ChosenPrecision:
    """A precision.

    Args:
        precision: What is trained in.
        origin: Where it comes from, in words.
    """

    precision: Precision
    origin: str = "given"

    def __str__(self) -> str:
        return f"precision {self.precision}: {self.origin}"


def choose_precision(
    model: nn.Module, feed: Feed, batch_size: int, threads: int, renew: bool = False
) -> ChosenPrecision:
    """Return bf16 where a training step is clearly faster with it: not where the processor emulates it.

    Args:
        model: On the device to train on; its gradients and norms are touched where it is measured.
        feed: Says what a batch is like.
        batch_size: Images a step.
        threads: Of torch.
        renew: Whether to measure again whatever is kept.
    """
    float32, bf16 = StepVariant("float32", threads), StepVariant("bf16", threads)
    times = cached_step_times(model, feed, min(batch_size, MEASURED_ON), (float32, bf16), renew)
    gain = times.seconds[float32] / times.seconds[bf16]
    origin = f"bf16 steps {gain:.2g}x as fast as float32, {times}; --precision measure renews it"
    return ChosenPrecision(faster_precision(gain), origin)


def precision_of_run(recipe: Mapping[str, Any]) -> ChosenPrecision | None:
    """Return the precision of the run or study that is continued, None where its recipe says none."""
    return ChosenPrecision(recipe["precision"], "as it began") if recipe.get("precision") else None
