"""Run one trial: build, train, score."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache

from torch import Tensor

from senet.attention import from_dict
from senet.data import DataConfig, Loading
from senet.data.loader.fetch import OnError
from senet.errors import DataError, DivergedError, WeightsError
from senet.metadata import Metadata
from senet.models.start.adapt_feed import adapt_feed
from senet.study.build_variants import weights_digest
from senet.study.plan import Trial
from senet.study.summary import TrialResult
from senet.study.trials.train_command import train_command
from senet.study.variant import Variant
from senet.training import InMemoryResult, OpenedData, opened_data, train_in_memory
from senet.training.callbacks import Callback
from senet.training.in_memory import CheckpointConfig
from senet.training.job import with_epoch, with_input
from senet.utils.warn_once import warn_once

RERUN = "run the same command again: other data or weights make other trials"


@dataclass(frozen=True)
class FinishedTrial:
    """A finished trial before it is kept.

    Args:
        result: Its scores.
        state: Of the best validation epoch's weights.
        metadata: What has to travel with them.
        warnings: What the library warned of, images that were left out above all.
    """

    result: TrialResult
    state: dict[str, Tensor]
    metadata: Metadata
    warnings: tuple[str, ...] = ()


def run_trial(
    trial: Trial, watch: Callback | None = None, checkpoints: CheckpointConfig | None = None
) -> FinishedTrial:
    """Train and score one trial in this process, as ``senet train`` would; writes nothing but checkpoints.

    Args:
        trial: What to run.
        watch: Is told what happens.
        checkpoints: Where they go; without them an interrupted trial begins anew.

    Raises:
        DataError: The data is not what it was when the study was planned.
        WeightsError: Nor are the weights.
        DivergedError: The loss is not finite.
        StoppedError: A signal came; the state is saved.
    """
    said: list[str] = []
    with warn_once(said.append):
        finished = _run(trial, watch, checkpoints)
    return replace(finished, warnings=tuple(said))


def _run(trial: Trial, watch: Callback | None, checkpoints: CheckpointConfig | None) -> FinishedTrial:
    feed = open_data_once(trial.data, trial.on_error, data_workers(trial)).feed(trial.recipe)
    if feed.fingerprint() != trial.fingerprint:
        raise DataError("the data changed while the study ran", where=trial.data.source, do=RERUN)
    start = time.monotonic()
    variant = Variant(from_dict(trial.attention, imports=True), trial.placement)
    begun = variant.begin(trial.network, trial.start, feed, trial.seed)
    if begun.fresh is not None and weights_digest(begun) != trial.digest:
        where = trial.start.weights or trial.network
        raise WeightsError("the weights changed while the study ran", where=where, do=RERUN)
    feed, _ = adapt_feed(begun, feed)
    try:
        trained = train_in_memory(begun.model, feed, trial.recipe, trial.seed, watch, checkpoints, fresh=begun.fresh)
    except DivergedError as error:
        where = f"{trial.variant}, seed {trial.seed}, {error.where}"
        raise DivergedError(error.what, where=where, do=error.do) from error
    model_request = replace(variant.model_request(trial.network, trial.start, trial.seed), placement=begun.placement)
    result = _result(trial, trained, time.monotonic() - start, train_command(trial, model_request))
    metadata = with_epoch(with_input(begun.metadata, feed), trial.seed, trained.best)
    return FinishedTrial(result, trained.best_state, metadata)


def data_workers(trial: Trial) -> int:
    """Return how many processes decode: none where trials run side by side, a thread each."""
    return trial.recipe.threads if trial.recipe.threads > 1 else 0


@lru_cache(maxsize=1)
def open_data_once(settings: DataConfig, on_error: OnError, workers: int) -> OpenedData:
    """Open the data once for all trials of a worker process."""
    return opened_data(settings, Loading(workers, on_error))


def _result(trial: Trial, trained: InMemoryResult, seconds: float, command: str) -> TrialResult:
    return TrialResult(
        key=trial.key,
        variant=trial.variant,
        seed=trial.seed,
        accuracy=trained.test.top1,
        best_epoch=trained.best.epoch,
        validation=tuple(row.validation_top1 for row in trained.rows),
        loss=tuple(row.loss for row in trained.rows),
        seconds=seconds,
        command=command,
        unread=trained.unread,
    )
