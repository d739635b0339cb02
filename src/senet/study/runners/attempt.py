"""One attempt at a trial, wherever it runs: what of an error is the trial's own, and how far it is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from senet.errors import DataError, DivergedError, ResourceError
from senet.files import write_text
from senet.study.outcome import Failure
from senet.study.plan import Trial
from senet.study.runners.runner import Pace
from senet.study.trial import Trained, run_trial
from senet.training.loop import Epoch

# Every trial reads the same data and writes to the same disk: they would fail one after the other.
COMMON = (DataError, ResourceError, OSError, ModuleNotFoundError)


def attempt(trial: Trial, watch: Callable[[Epoch], None]) -> Trained | Failure:
    """Train a trial; return why it gave no score where that is its own affair.

    Raises:
        DataError, ResourceError, OSError: What is no affair of this trial alone.
    """
    try:
        return run_trial(trial, watch)
    except COMMON:
        raise
    except DivergedError as error:
        return Failure("diverged", " ".join(str(error).splitlines()))
    except Exception as error:  # whatever else a network raises ends this trial and no other
        return Failure("failed", f"{type(error).__name__}: {' '.join(str(error).splitlines())}")


def pace_path(folder: Path, key: str) -> Path:
    """Where a running trial says how far it is."""
    return folder / "running" / f"{key}.json"


def write_pace(folder: Path, trial: Trial, epoch: Epoch | None = None) -> None:
    """Say how far a trial is."""
    done = Pace(epoch.number if epoch else 0, trial.recipe.epochs, epoch.validation if epoch else None)
    write_text(pace_path(folder, trial.key), json.dumps(asdict(done)))


def read_paces(folder: Path, trials: Sequence[Trial]) -> list[tuple[Trial, Pace]]:
    """Return the trials that are running and how far they are."""
    by_key = {trial.key: trial for trial in trials}
    found = []
    for path in sorted((folder / "running").glob("*.json")):
        try:
            found.append((by_key[path.stem], Pace(**json.loads(path.read_text(encoding="utf-8")))))
        except (OSError, KeyError):  # it has ended since, or is of an earlier run
            continue
    return found


def clear_paces(folder: Path) -> None:
    """Forget what a killed run left."""
    for path in (folder / "running").glob("*"):
        path.unlink(missing_ok=True)
