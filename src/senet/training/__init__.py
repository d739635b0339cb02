"""Training: a recipe, an optimizer, a plain loop, and a run that survives its process."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.training.evaluation import Score, evaluate, score
    from senet.training.feeds import FeedSettings, open_feed
    from senet.training.job import Job, Trained, Watcher
    from senet.training.loop import Epoch, Fitted, fit
    from senet.training.ranks.joining import joined
    from senet.training.recipe import Recipe
    from senet.training.run import train
    from senet.training.signals import StoppedError
    from senet.training.toml import read_recipe, write_recipe

__all__ = [
    "Epoch",
    "FeedSettings",
    "Fitted",
    "Job",
    "Recipe",
    "Score",
    "StoppedError",
    "Trained",
    "Watcher",
    "evaluate",
    "fit",
    "joined",
    "open_feed",
    "read_recipe",
    "score",
    "train",
    "write_recipe",
]

# Imported on first use: the recipe alone, which the command line's help is made of, needs no torch.
_HOMES = {
    "Epoch": "senet.training.loop",
    "FeedSettings": "senet.training.feeds",
    "Fitted": "senet.training.loop",
    "Job": "senet.training.job",
    "Recipe": "senet.training.recipe",
    "Score": "senet.training.evaluation",
    "StoppedError": "senet.training.signals",
    "Trained": "senet.training.job",
    "Watcher": "senet.training.job",
    "evaluate": "senet.training.evaluation",
    "fit": "senet.training.loop",
    "joined": "senet.training.ranks.joining",
    "open_feed": "senet.training.feeds",
    "read_recipe": "senet.training.toml",
    "score": "senet.training.evaluation",
    "train": "senet.training.run",
    "write_recipe": "senet.training.toml",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'senet.training' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
