"""Training: a recipe, an optimizer, one loop, in memory or in a folder that survives its process."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.inference.evaluation import evaluate, score
    from senet.inference.score import Score
    from senet.ranks.joining import joined
    from senet.training.deprecated import Epoch, FeedSettings, Fitted, fit
    from senet.training.feeds import OpenedData, memory_feed, open_feed, opened_data
    from senet.training.folder import train
    from senet.training.in_memory import Kept, train_in_memory
    from senet.training.job import Job, Trained, Watcher
    from senet.training.recipe import Recipe
    from senet.training.records import Row
    from senet.training.signals import StoppedError
    from senet.training.toml import read_recipe, write_recipe

__all__ = [
    "Epoch",
    "FeedSettings",
    "Fitted",
    "Job",
    "Kept",
    "OpenedData",
    "Recipe",
    "Row",
    "Score",
    "StoppedError",
    "Trained",
    "Watcher",
    "evaluate",
    "fit",
    "joined",
    "memory_feed",
    "open_feed",
    "opened_data",
    "read_recipe",
    "score",
    "train",
    "train_in_memory",
    "write_recipe",
]

# Imported on first use: the recipe alone, which the command line's help is made of, needs no torch.
_HOMES = {
    "Epoch": "senet.training.deprecated",
    "FeedSettings": "senet.training.deprecated",
    "Fitted": "senet.training.deprecated",
    "Job": "senet.training.job",
    "Kept": "senet.training.in_memory",
    "OpenedData": "senet.training.feeds",
    "Recipe": "senet.training.recipe",
    "Row": "senet.training.records",
    "Score": "senet.inference.score",
    "StoppedError": "senet.training.signals",
    "Trained": "senet.training.job",
    "Watcher": "senet.training.job",
    "evaluate": "senet.inference.evaluation",
    "fit": "senet.training.deprecated",
    "joined": "senet.ranks.joining",
    "memory_feed": "senet.training.feeds",
    "open_feed": "senet.training.feeds",
    "opened_data": "senet.training.feeds",
    "read_recipe": "senet.training.toml",
    "score": "senet.inference.evaluation",
    "train": "senet.training.folder",
    "train_in_memory": "senet.training.in_memory",
    "write_recipe": "senet.training.toml",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'senet.training' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
