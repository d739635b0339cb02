"""Whether a run compiles its network, and where that comes from."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from senet.data.loader.feed import Feed
from senet.training.recipe.recipe import Recipe
from senet.training.setup.step_time import StepVariant
from senet.training.setup.step_time_cache import cached_step_times
from senet.utils.text import printable, seconds_text

MANY = 200_000  # images through the network, below which no run takes long, and no step is timed
LONG_RUN = 3600.0  # seconds, from which on a measurement that compiles, for a minute or two, is worth its time
GAIN = 1.1  # least, of the whole run: compiling, and noise, cost a few percent


@dataclass(frozen=True)
class ChosenCompile:
    """Whether to compile.

    Args:
        compile: Whether to.
        origin: Where it comes from, in words; empty where it was given, or there was nothing to choose.
    """

    compile: bool
    origin: str = ""

    def __str__(self) -> str:
        return f"compile {'yes' if self.compile else 'no'}: {self.origin}"


EAGER = ChosenCompile(compile=False)


def choose_compile(model: nn.Module, feed: Feed, recipe: Recipe, renew: bool = False) -> ChosenCompile:
    """Return whether torch.compile makes a long run shorter; a short one is not worth the measurement.

    Args:
        model: On the device to train on; left as it is.
        feed: Says what a batch is like, and how many an epoch has.
        recipe: With precision and threads.
        renew: Whether to measure again whatever is kept.
    """
    steps = recipe.epochs * feed.steps_per_epoch
    if steps * recipe.batch_size < MANY:
        return EAGER
    eager, compiled = (StepVariant(recipe.precision, recipe.threads or 1, compiled=how) for how in (False, True))
    alone = cached_step_times(copy.deepcopy(model), feed, recipe.batch_size, (eager,), renew)
    total = alone.seconds[eager] * steps
    if total < LONG_RUN:
        return EAGER
    try:
        times = cached_step_times(copy.deepcopy(model), feed, recipe.batch_size, (eager, compiled), renew)
    except Exception as error:  # no C++ compiler, or a model that cannot be compiled
        said = printable(str(error).partition("\n")[0]) or type(error).__name__
        return ChosenCompile(compile=False, origin=f"torch.compile fails here: {said}")
    gain = times.seconds[eager] / times.seconds[compiled]
    origin = f"compiled steps {gain:.2g}x as fast, of {seconds_text(total)} in all, {times}"
    return ChosenCompile(gain > GAIN, f"{origin}; --compile or --no-compile decides")


def compile_of_run(recipe: Mapping[str, Any]) -> ChosenCompile | None:
    """Return what the run or study that is continued does, None where its recipe does not say."""
    return ChosenCompile(bool(recipe["compile"])) if "compile" in recipe else None
