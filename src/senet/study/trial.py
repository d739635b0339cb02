"""Run one trial: build, train, score, and leave the best weights and a result file."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from senet.data import Dataset, DataSettings, Normaliser, load
from senet.errors import DataError, DivergedError
from senet.networks import initialise, named_stream
from senet.sources.trained import describe
from senet.study.outcome import weights_path, write_result
from senet.study.plan import Trial
from senet.study.summary import TrialResult
from senet.training import Fitted, evaluate, fit
from senet.training.loop import Epoch
from senet.weights import write_state


@dataclass(frozen=True)
class Trained:
    """A finished trial before it is kept.

    Args:
        result: Its scores.
        state: Of the best validation epoch's weights.
        about: What has to travel with them.
    """

    result: TrialResult
    state: dict[str, Tensor]
    about: dict[str, object]


def run_trial(trial: Trial, watch: Callable[[Epoch], None] = lambda epoch: None) -> Trained:
    """Train and score one trial in this process; writes nothing.

    Args:
        trial: What to run.
        watch: Called after each epoch.

    Raises:
        DataError: The data is not what it was when the study was planned.
        DivergedError: The loss is not finite.
    """
    torch.set_num_threads(trial.recipe.threads)
    data, fingerprint = _load_once(trial.data)
    if fingerprint != trial.fingerprint:
        raise DataError("the data changed while the study ran", where=trial.data.source, do="start a new study")
    start = time.monotonic()
    model = initialise(trial.build(data), named_stream(trial.seed))
    try:
        fitted = fit(model, data, trial.recipe, trial.seed, watch)
    except DivergedError as error:
        where = f"{trial.variant}, seed {trial.seed}, {error.where}"
        raise DivergedError(error.what, where=where, do=error.do) from error
    accuracy = evaluate(model, data.test, Normaliser(data.mean, data.std), trial.recipe)
    result = _result(trial, fitted, accuracy, time.monotonic() - start)
    return Trained(result, fitted.best_state, _about(trial, model, fitted, data))


def keep(trial: Trial, trained: Trained, folder: Path) -> None:
    """Write weights, then the result: a trial with a result has its weights, whenever the process ends."""
    write_state(trained.state, weights_path(folder, trial), trained.about)
    write_result(folder, trial, trained.result)


@lru_cache(maxsize=1)
def _load_once(settings: DataSettings) -> tuple[Dataset, str]:
    """Read the data once for all trials of a worker process."""
    data = load(settings)
    return data, data.fingerprint()


def _about(trial: Trial, model: nn.Module, fitted: Fitted, data: Dataset) -> dict[str, object]:
    return {
        **describe(model, trial.network, len(data.classes)),
        "classes": data.classes,
        "input_transform": {"size": data.size, "mean": data.mean, "std": data.std},
        "seed": trial.seed,
        "epoch": fitted.best.number,
        "validation_accuracy": fitted.best.validation,
    }


def _result(trial: Trial, fitted: Fitted, accuracy: float, seconds: float) -> TrialResult:
    return TrialResult(
        key=trial.key,
        variant=trial.variant,
        seed=trial.seed,
        accuracy=accuracy,
        best_epoch=fitted.best.number,
        validation=tuple(epoch.validation for epoch in fitted.epochs),
        loss=tuple(epoch.loss for epoch in fitted.epochs),
        seconds=seconds,
    )
