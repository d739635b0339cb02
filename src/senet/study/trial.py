"""Run one trial: build, train, score, and leave a result file and the best weights."""

import json
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from senet.data import Dataset, DataSettings, Normaliser, load
from senet.errors import DataError, DivergedError
from senet.files import write_text
from senet.networks import initialise, named_stream
from senet.study.plan import Trial, attention_of, build
from senet.study.summary import TrialResult
from senet.training import Fitted, evaluate, fit
from senet.weights import write_state


def run_trial(trial: Trial, folder: Path) -> TrialResult:
    """Train and score one trial in this process; weights first, then the result, each written atomically.

    Args:
        trial: What to run.
        folder: Of the study.

    Raises:
        DataError: The data is not what it was when the study was planned.
        DivergedError: The loss is not finite.
    """
    torch.set_num_threads(trial.recipe.threads)
    data, fingerprint = _load_once(trial.data)
    if fingerprint != trial.fingerprint:
        raise DataError("the data changed while the study ran", where=trial.data.source, do="start a new study")
    start = time.monotonic()
    model = initialise(build(trial.network, attention_of(trial), data), named_stream(trial.seed))
    try:
        fitted = fit(model, data, trial.recipe, trial.seed)
    except DivergedError as error:
        where = f"{trial.variant}, seed {trial.seed}, {error.where}"
        raise DivergedError(error.what, where=where, do=error.do) from error
    accuracy = evaluate(model, data.test, Normaliser(data.mean, data.std), trial.recipe)
    result = _result(trial, fitted, accuracy, time.monotonic() - start)
    save_weights(trial, fitted, data, weights_path(folder, trial))
    write_text(result_path(folder, trial), json.dumps(_record(trial, result), indent=1) + "\n")
    return result


@lru_cache(maxsize=1)
def _load_once(settings: DataSettings) -> tuple[Dataset, str]:
    """Read the data once for all trials of a worker process."""
    data = load(settings)
    return data, data.fingerprint()


def result_path(folder: Path, trial: Trial) -> Path:
    """Where a trial's result lies."""
    return folder / "trials" / f"{trial.key}.json"


def weights_path(folder: Path, trial: Trial) -> Path:
    """Where a trial's best weights lie."""
    return folder / "weights" / f"{trial.key}.safetensors"


def read_result(folder: Path, trial: Trial) -> TrialResult | None:
    """Return a finished trial's result, under the trial's name in this study; None if it has to run."""
    try:
        record = json.loads(result_path(folder, trial).read_text(encoding="utf-8"))["result"]
        lists = {name: tuple(record[name]) for name in ("validation", "loss")}
        return TrialResult(**{**record, **lists, "variant": trial.variant, "key": trial.key})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"not a result file: {error}",
            where=str(result_path(folder, trial)),
            do="delete it to run the trial again",
        ) from error


def save_weights(trial: Trial, fitted: Fitted, data: Dataset, path: Path) -> None:
    """Write the weights of the best validation epoch, with all that is needed to use them."""
    about = {
        "network": trial.network,
        "attention": trial.attention,
        "in_channels": data.channels,
        "classes": data.classes,
        "input_transform": {"size": data.size, "mean": data.mean, "std": data.std},
        "seed": trial.seed,
        "epoch": fitted.best.number,
        "validation_accuracy": fitted.best.validation,
    }
    write_state(fitted.best_state, path, about)


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


def _record(trial: Trial, result: TrialResult) -> dict[str, Any]:
    return {"trial": {**asdict(trial), "key": trial.key}, "result": asdict(result)}
