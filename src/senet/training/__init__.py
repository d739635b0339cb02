"""Training: a recipe, an optimizer, a plain loop, and a run that survives its process."""

from senet.training.evaluation import Score, evaluate, score
from senet.training.job import Job, Trained, Watcher
from senet.training.loop import Epoch, Fitted, fit
from senet.training.recipe import Recipe
from senet.training.run import train
from senet.training.signals import StoppedError
from senet.training.toml import read_recipe, write_recipe

__all__ = [
    "Epoch",
    "Fitted",
    "Job",
    "Recipe",
    "Score",
    "StoppedError",
    "Trained",
    "Watcher",
    "evaluate",
    "fit",
    "read_recipe",
    "score",
    "train",
    "write_recipe",
]
