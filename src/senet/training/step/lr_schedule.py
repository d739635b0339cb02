"""The learning rate as a function of the epochs that are over, fractions included."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from senet.training.recipe import settings
from senet.training.recipe.recipe import Recipe


def learning_rate(recipe: Recipe, epochs_over: float) -> float:
    """Return the learning rate after so many epochs, without what a plateau took off.

    Args:
        recipe: Says how.
        epochs_over: 0 at the first step, 1.5 in the middle of the second epoch.
    """
    warm_up = recipe.warm_up.epochs if recipe.warm_up else 0.0
    if recipe.warm_up and epochs_over < warm_up:
        start = recipe.warm_up.start
        return recipe.lr * (start + (1 - start) * epochs_over / warm_up)
    return recipe.lr * SHAPES[recipe.schedule](recipe, epochs_over)


def _cosine(recipe: Recipe, epochs: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter, arXiv 1608.03983, without restarts), after the warm-up."""
    warm_up = recipe.warm_up.epochs if recipe.warm_up else 0.0
    progress = min((epochs - warm_up) / (recipe.epochs - warm_up), 1.0)
    return (1 + math.cos(math.pi * progress)) / 2


def _step(recipe: Recipe, epochs: float) -> float:
    """Milestones count from the start of the run, as the papers' do."""
    steps = recipe.steps or settings.StepDecay()
    if steps.every:
        return steps.factor ** int(epochs / steps.every)
    milestones = steps.milestones or (recipe.epochs * 0.5, recipe.epochs * 0.75)
    return steps.factor ** sum(epochs >= milestone for milestone in milestones)


def _constant(recipe: Recipe, epochs: float) -> float:
    return 1.0


# What the learning rate is multiplied with after so many epochs.
SHAPES: dict[str, Callable[[Recipe, float], float]] = {
    "cosine": _cosine,
    "step": _step,
    "constant": _constant,
    "plateau": _constant,  # what a plateau takes off depends on the validation loss: see PlateauState
}


@dataclass(frozen=True)
class PlateauState:
    """What plateaus have taken off the learning rate so far.

    Args:
        least: Least validation loss so far, None before the first epoch.
        waited: Epochs since.
        drops: How often the learning rate has fallen.
    """

    least: float | None = None
    waited: int = 0
    drops: int = 0

    def factor(self, recipe: Recipe) -> float:
        """Return what the learning rate is multiplied with."""
        return (recipe.plateau or settings.Plateau()).factor ** self.drops

    def after(self, loss: float, recipe: Recipe) -> "PlateauState":
        """Return the state after an epoch of this validation loss."""
        rule = recipe.plateau or settings.Plateau()
        if recipe.schedule != "plateau":
            return self
        if self.least is None or loss < self.least:
            return replace(self, least=loss, waited=0)
        if self.waited + 1 < rule.patience or self.drops == rule.drops:
            return replace(self, waited=self.waited + 1)
        return replace(self, waited=0, drops=self.drops + 1)


NO_DROPS = PlateauState()
