"""One attempt at a trial, wherever it runs: what of an error is the trial's own, how far it is, what it leaves."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from senet.errors import DataError, DivergedError, ResourceError
from senet.study.plan import Trial
from senet.study.runners.runner import TrialCallback, TrialProgress
from senet.study.summary import TrialResult
from senet.study.trials.result_files import TrialFailure, unfinished_path, weights_path, write_result
from senet.study.trials.trial import FinishedTrial, run_trial
from senet.training import StoppedError
from senet.training.callbacks import Callback as RunWatcher
from senet.training.callbacks import EpochCallback
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.in_memory import CheckpointConfig
from senet.training.writer.metrics import EpochRow
from senet.utils.files import write_text
from senet.weights import write_state

# Every trial reads the same data and writes to the same disk: they would fail one after the other.
SHARED_ERRORS = (DataError, ResourceError, OSError, ModuleNotFoundError)
POLL_SECONDS = 0.5  # seconds between two looks at what runs


@dataclass(frozen=True)
class TrialOutcome:
    """What became of a trial; its weights are kept.

    Args:
        outcome: Its scores, or why there are none.
        notices: What the user should know of it.
    """

    outcome: TrialResult | TrialFailure
    notices: tuple[str, ...] = ()


def attempt(
    trial: Trial, watch: RunWatcher, checkpoints: CheckpointConfig | None = None
) -> FinishedTrial | TrialFailure:
    """Train a trial; return why it gave no score where that is its own affair.

    Raises:
        DataError, ResourceError, OSError: What is no affair of this trial alone.
        StoppedError: A signal came; the trial's state is saved.
    """
    try:
        return run_trial(trial, watch, checkpoints)
    except (*SHARED_ERRORS, StoppedError):
        raise
    except DivergedError as error:
        return TrialFailure("diverged", " ".join(str(error).splitlines()))
    except Exception as error:  # whatever else a network raises ends this trial and no other
        return TrialFailure("failed", f"{type(error).__name__}: {' '.join(str(error).splitlines())}")


def attempt_in_process(trial: Trial, folder: Path) -> TrialOutcome:
    """Run a trial in this process, from where an attempt that was interrupted saved it, and keep what it leaves.

    Args:
        trial: What to run.
        folder: Of the study.

    Raises:
        DataError, ResourceError, OSError, StoppedError: As of :func:`attempt`.
    """
    notices: list[str] = []
    said = 0.0

    def say(row: EpochRow) -> None:
        nonlocal said
        if time.monotonic() - said > POLL_SECONDS:
            write_progress(folder, trial, row)
            said = time.monotonic()

    write_progress(folder, trial)
    unfinished = unfinished_path(folder, trial)
    checkpoints = CheckpointConfig(CheckpointManager(unfinished), {"trial": trial.key}, notices.append)
    ended = save_finished(trial, attempt(trial, EpochCallback(say), checkpoints), folder)
    progress_path(folder, trial.key).unlink(missing_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)
    return TrialOutcome(ended.outcome, (*notices, *ended.notices))


def save_finished(trial: Trial, ended: FinishedTrial | TrialFailure, folder: Path) -> TrialOutcome:
    """Write weights, then the result: a trial with a result has its weights, whenever the process ends."""
    if isinstance(ended, TrialFailure):
        return TrialOutcome(ended)
    write_state(ended.state, weights_path(folder, trial), ended.metadata)
    write_result(folder, trial, ended.result)
    return TrialOutcome(ended.result, ended.warnings)


def notify(trial: Trial, ended: TrialOutcome, callback: TrialCallback) -> None:
    """Tell what became of a trial."""
    for notice in ended.notices:
        callback.notice(f"{trial.variant}, seed {trial.seed}: {notice}")
    if isinstance(ended.outcome, TrialFailure):
        callback.failed(trial, ended.outcome)
    else:
        callback.finished(trial, ended.outcome)


def progress_path(folder: Path, key: str) -> Path:
    """Where a running trial says how far it is."""
    return folder / "running" / f"{key}.json"


def write_progress(folder: Path, trial: Trial, row: EpochRow | None = None) -> None:
    """Say how far a trial is."""
    done = TrialProgress(row.epoch if row else 0, trial.recipe.epochs, row.validation_top1 if row else None)
    write_text(progress_path(folder, trial.key), json.dumps(asdict(done)))


def read_progress(folder: Path, trials: Sequence[Trial]) -> list[tuple[Trial, TrialProgress]]:
    """Return the trials that are running and how far they are."""
    by_key = {trial.key: trial for trial in trials}
    found = []
    for path in sorted((folder / "running").glob("*.json")):
        try:
            found.append((by_key[path.stem], TrialProgress(**json.loads(path.read_text(encoding="utf-8")))))
        except (OSError, KeyError):  # it has ended since, or is of an earlier run
            continue
    return found


def clear_progress(folder: Path) -> None:
    """Forget what a killed run left."""
    for path in (folder / "running").glob("*"):
        path.unlink(missing_ok=True)
