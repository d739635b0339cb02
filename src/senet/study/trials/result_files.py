"""What became of a trial, in files: a result or a reason, each written whole or not at all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from senet.errors import DataError
from senet.study.plan import Trial
from senet.study.summary import LeftOutTrial, TrialResult
from senet.utils.files import write_text
from senet.utils.text import changed_keys, describe_change, flatten

RESULT, SETTINGS = "a result file", "the settings of a study"


@dataclass(frozen=True)
class TrialFailure:
    """Why a trial gave no score.

    Args:
        kind: ``diverged``: so it would again; ``failed``: for any other reason.
        reason: A sentence.
        attempts: How often it was tried in one run of the study.
    """

    kind: Literal["diverged", "failed"]
    reason: str
    attempts: int = 1


def result_path(folder: Path, trial: Trial) -> Path:
    """Where a trial's result lies."""
    return folder / "trials" / f"{trial.key}.json"


def weights_path(folder: Path, trial: Trial) -> Path:
    """Where a trial's best weights lie."""
    return folder / "weights" / f"{trial.key}.safetensors"


def unfinished_path(folder: Path, trial: Trial) -> Path:
    """Where the checkpoints of a trial lie until it has ended."""
    return folder / "unfinished" / trial.key


def failure_path(folder: Path, trial: Trial) -> Path:
    """Where the reason lies why a trial has no result."""
    return folder / "failures" / f"{trial.key}.json"


def write_result(folder: Path, trial: Trial, result: TrialResult) -> None:
    """Keep a result; the weights are the caller's to write before."""
    record = {"trial": {**asdict(trial), "key": trial.key}, "result": asdict(result)}
    write_text(result_path(folder, trial), json.dumps(record, indent=1) + "\n")


def write_failure(folder: Path, trial: Trial, failure: TrialFailure) -> None:
    """Keep a reason; the trial runs again when the study does."""
    write_text(failure_path(folder, trial), json.dumps(asdict(failure), indent=1) + "\n")


def read_result(folder: Path, trial: Trial) -> TrialResult | None:
    """Return a finished trial's result, under the trial's name in this study; None if it has to run.

    Raises:
        DataError: The file is not one of ours.
    """
    path = result_path(folder, trial)
    record = read_record(path)
    if record is None:
        return None
    try:
        found = record["result"]
        lists = {name: tuple(found[name]) for name in ("validation", "loss")}
        return TrialResult(**{**found, **lists, "variant": trial.variant, "key": trial.key})
    except (KeyError, TypeError) as error:
        raise invalid_file(path, error) from error


def read_failure(folder: Path, trial: Trial) -> TrialFailure | None:
    """Return why a trial has no result, None where nothing is known."""
    path = failure_path(folder, trial)
    record = read_record(path)
    try:
        return None if record is None else TrialFailure(**record)
    except TypeError as error:
        raise invalid_file(path, error) from error


def left_out_trials(folder: Path, trials: Sequence[Trial]) -> tuple[LeftOutTrial, ...]:
    """List what is not averaged in: trials without a score, and scores that are not of this study.

    Args:
        folder: Of the study.
        trials: Of its plan.
    """
    without = [_without(folder, trial) for trial in trials if not result_path(folder, trial).exists()]
    return (*without, *_unlike(folder, trials))


def _without(folder: Path, trial: Trial) -> LeftOutTrial:
    failure = read_failure(folder, trial)
    if failure is None:
        return LeftOutTrial(trial.variant, trial.seed, "missing", "has not run yet")
    return LeftOutTrial(trial.variant, trial.seed, failure.kind, failure.reason)


def _unlike(folder: Path, trials: Sequence[Trial]) -> list[LeftOutTrial]:
    """List other trials of this folder that bear the name and the seed of one of the plan's."""
    planned = {(trial.variant, trial.seed): trial for trial in trials}
    keys = {trial.key for trial in trials}
    found = []
    for path in sorted((folder / "trials").glob("*.json")):
        if path.stem in keys:
            continue
        other = (read_record(path) or {}).get("trial", {})
        trial = planned.get((other.get("variant"), other.get("seed")))
        if trial is not None:
            found.append(LeftOutTrial(trial.variant, trial.seed, "unlike", _difference(trial, other)))
    return sorted(found, key=lambda one: (one.seed, one.variant, one.reason))


def _difference(trial: Trial, other: dict[str, Any]) -> str:
    """Say what a trial of another definition has otherwise."""
    # Through JSON, as the other one has been: tuples are lists in it.
    mine, theirs = flatten(json.loads(json.dumps(asdict(trial))), ""), flatten(other, "")
    changed = [key for key in changed_keys(theirs, mine) if key.partition(".")[0] not in ("key", "data")]
    return "; ".join(describe_change(key, theirs, mine) for key in changed) or "of another version of the code"


def read_record(path: Path, kind: str = RESULT) -> dict[str, Any] | None:
    """Return what a file of a study says, None where there is none.

    Args:
        path: Of the file.
        kind: What it should be, for messages.

    Raises:
        DataError: The file is not one of ours.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise invalid_file(path, error, kind) from error
    if not isinstance(record, dict):
        raise invalid_file(path, TypeError("no table"), kind)
    return record


def invalid_file(path: Path, error: Exception, kind: str = RESULT) -> DataError:
    """Return the error of a file of a study that cannot be used."""
    do = "delete it to run the trial again" if kind == RESULT else "pass another --out"
    return DataError(f"not {kind}: {error}", where=str(path), do=do)
