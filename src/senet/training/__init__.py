"""Training: a recipe, an optimizer, one loop, in memory or in a folder that survives its process."""

from typing import TYPE_CHECKING

from senet.utils.lazy import lazy_names

if TYPE_CHECKING:
    from senet.distributed.init import process_group
    from senet.inference.evaluation import evaluate, score
    from senet.inference.score import Score
    from senet.training.callbacks import Callback
    from senet.training.deprecated import Epoch, FeedSettings, Fitted, Job, Kept, Row, Trained, Watcher, fit, joined
    from senet.training.feeds import OpenedData, memory_feed, open_feed, opened_data
    from senet.training.in_memory import InMemoryResult, train_in_memory
    from senet.training.job import TrainingJob, TrainingResult
    from senet.training.recipe.recipe import Recipe
    from senet.training.recipe.toml import read_recipe, write_recipe
    from senet.training.signals import StoppedError
    from senet.training.to_folder import train
    from senet.training.writer.metrics import EpochRow

__all__ = [
    "Callback",
    "Epoch",
    "EpochRow",
    "FeedSettings",
    "Fitted",
    "InMemoryResult",
    "Job",
    "Kept",
    "OpenedData",
    "Recipe",
    "Row",
    "Score",
    "StoppedError",
    "Trained",
    "TrainingJob",
    "TrainingResult",
    "Watcher",
    "evaluate",
    "fit",
    "joined",
    "memory_feed",
    "open_feed",
    "opened_data",
    "process_group",
    "read_recipe",
    "score",
    "train",
    "train_in_memory",
    "write_recipe",
]

# Imported on first use: the recipe alone, which the command line's help is made of, needs no torch.
_HOMES = {
    "Callback": "senet.training.callbacks",
    "Epoch": "senet.training.deprecated",
    "EpochRow": "senet.training.writer.metrics",
    "FeedSettings": "senet.training.deprecated",
    "Fitted": "senet.training.deprecated",
    "InMemoryResult": "senet.training.in_memory",
    "Job": "senet.training.deprecated",
    "Kept": "senet.training.deprecated",
    "OpenedData": "senet.training.feeds",
    "Recipe": "senet.training.recipe.recipe",
    "Row": "senet.training.deprecated",
    "Score": "senet.inference.score",
    "StoppedError": "senet.training.signals",
    "Trained": "senet.training.deprecated",
    "TrainingJob": "senet.training.job",
    "TrainingResult": "senet.training.job",
    "Watcher": "senet.training.deprecated",
    "evaluate": "senet.inference.evaluation",
    "fit": "senet.training.deprecated",
    "joined": "senet.training.deprecated",
    "memory_feed": "senet.training.feeds",
    "open_feed": "senet.training.feeds",
    "opened_data": "senet.training.feeds",
    "process_group": "senet.distributed.init",
    "read_recipe": "senet.training.recipe.toml",
    "score": "senet.inference.evaluation",
    "train": "senet.training.to_folder",
    "train_in_memory": "senet.training.in_memory",
    "write_recipe": "senet.training.recipe.toml",
}
__getattr__ = lazy_names(__name__, _HOMES)
