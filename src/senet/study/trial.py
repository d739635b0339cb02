"""Run one trial: build, train, score."""

import time
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from senet.attention import from_dict
from senet.data import Dataset, DataSettings, load
from senet.errors import DataError, DivergedError
from senet.sources import Wanted, begin
from senet.sources.placed import STANDARD, explicit
from senet.sources.trained import describe
from senet.study.command import train_command
from senet.study.plan import Trial
from senet.study.summary import TrialResult
from senet.training import Kept, memory_feed, train_in_memory
from senet.training.in_memory import Checkpoints
from senet.training.job import Watcher, about_input, about_weights


@dataclass(frozen=True)
class Finished:
    """A finished trial before it is kept.

    Args:
        result: Its scores.
        state: Of the best validation epoch's weights.
        about: What has to travel with them.
    """

    result: TrialResult
    state: dict[str, Tensor]
    about: dict[str, object]


def run_trial(trial: Trial, watch: Watcher | None = None, checkpoints: Checkpoints | None = None) -> Finished:
    """Train and score one trial in this process, as ``senet train`` would; writes nothing but checkpoints.

    Args:
        trial: What to run.
        watch: Is told what happens.
        checkpoints: Where they go; without them an interrupted trial begins anew.

    Raises:
        DataError: The data is not what it was when the study was planned.
        DivergedError: The loss is not finite.
        StoppedError: A signal came; the state is saved.
    """
    data, fingerprint = _load_once(trial.data)
    if fingerprint != trial.fingerprint:
        raise DataError("the data changed while the study ran", where=trial.data.source, do="start a new study")
    start = time.monotonic()
    image, attention = (data.channels, *data.size), from_dict(trial.attention)
    # A grid of places has no attention at some of them: there is nothing to place.
    placement = explicit(trial.network, trial.placement, image) if attention else STANDARD
    wanted = Wanted(trial.network, str(attention or "none"), placement, seed=trial.seed)
    begun = begin(wanted, len(data.classes), image)
    feed = memory_feed(data, trial.recipe)
    try:
        trained = train_in_memory(begun.model, feed, trial.recipe, trial.seed, watch, checkpoints)
    except DivergedError as error:
        where = f"{trial.variant}, seed {trial.seed}, {error.where}"
        raise DivergedError(error.what, where=where, do=error.do) from error
    about = {**about_input(feed), **describe(begun.model, begun.source, begun.classes)}
    result = _result(trial, trained, time.monotonic() - start, train_command(trial, wanted))
    return Finished(result, trained.best_state, about_weights(about, trial.seed, trained.best))


@lru_cache(maxsize=1)
def _load_once(settings: DataSettings) -> tuple[Dataset, str]:
    """Read the data once for all trials of a worker process."""
    data = load(settings)
    return data, data.fingerprint()


def _result(trial: Trial, trained: Kept, seconds: float, command: str) -> TrialResult:
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
    )
