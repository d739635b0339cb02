"""Names of before version 0.1.0 that still work, and say what replaced them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from senet.data import DataConfig, Dataset, Loading
from senet.distributed.init import process_group
from senet.training.callbacks import Callback, EpochCallback
from senet.training.feeds import LOADING, memory_feed
from senet.training.in_memory import InMemoryResult, train_in_memory
from senet.training.job import TrainingJob, TrainingResult
from senet.training.recipe.recipe import Recipe
from senet.training.writer.metrics import EpochRow

joined = process_group
Job = TrainingJob
Kept = InMemoryResult
Row = EpochRow
Trained = TrainingResult
Watcher = Callback


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured; use :class:`senet.training.EpochRow`."""

    number: int
    loss: float
    validation: float


@dataclass(frozen=True)
class Fitted:
    """What :func:`fit` returns; use :class:`senet.training.InMemoryResult`."""

    epochs: tuple[Epoch, ...]
    best: Epoch
    best_state: dict[str, Tensor]


@dataclass(frozen=True)
class FeedSettings:
    """What :func:`senet.training.open_feed` took; give it the data settings and the loading."""

    data: DataConfig
    loading: Loading = LOADING
    in_memory: bool | None = None

    def __post_init__(self) -> None:
        said = "senet.training.FeedSettings is deprecated: use open_feed(DataConfig(...), recipe, loading)"
        warnings.warn(said, DeprecationWarning, stacklevel=3)


def fit(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    seed: int,
    watch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fitted:
    """Train on data in memory; use :func:`senet.training.train_in_memory`."""
    said = "senet.training.fit is deprecated: use train_in_memory(model, memory_feed(data, recipe), recipe, seed)"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    told = EpochCallback(lambda row: watch(_epoch(row)))
    kept = train_in_memory(model, memory_feed(data, recipe), recipe, seed, told)
    return Fitted(tuple(map(_epoch, kept.rows)), _epoch(kept.best), kept.best_state)


def _epoch(row: EpochRow) -> Epoch:
    return Epoch(row.epoch, row.loss, row.validation_top1)
