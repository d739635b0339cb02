"""Training: a recipe, an optimizer, a plain loop."""

from senet.training.loop import Epoch, Fitted, evaluate, fit
from senet.training.recipe import Recipe

__all__ = ["Epoch", "Fitted", "Recipe", "evaluate", "fit"]
