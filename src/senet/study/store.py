"""The files of a study: settings, results and timings, rewritten whole from the trials."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from senet.files import csv_text, write_text
from senet.study.outcome import SETTINGS, broken, read_record
from senet.study.plan import Trial
from senet.study.summary import Row, TrialResult

COLUMNS = (
    "variant",
    "seed",
    "network",
    "data",
    "accuracy",
    "best_epoch",
    "best_validation",
    "last_validation",
    "last_loss",
    "trial",
    "weights",
)


def write_results(folder: Path, trials: Sequence[Trial], results: Sequence[TrialResult]) -> None:
    """Write ``results.jsonl`` (everything) and ``results.csv`` (deterministic columns), in the plan's order."""
    lines = [json.dumps({"network": t.network, **asdict(r)}) for t, r in zip(trials, results, strict=True)]
    write_text(folder / "results.jsonl", "".join(f"{line}\n" for line in lines))
    write_text(folder / "results.csv", csv_text(COLUMNS, (_values(t, r) for t, r in zip(trials, results, strict=True))))


def write_timings(folder: Path, results: Sequence[TrialResult], rows: Sequence[Row]) -> None:
    """Write ``timings.csv``: what was measured and will differ the next time."""
    latency = {row.variant: row.latency_ms for row in rows}
    values = ((r.variant, r.seed, f"{r.seconds:.3f}", f"{latency[r.variant] or 0:.4f}") for r in results)
    write_text(folder / "timings.csv", csv_text(("variant", "seed", "train_seconds", "latency_ms"), values))


def write_settings(folder: Path, settings: dict[str, Any], environment: dict[str, str]) -> None:
    """Write ``study.json``."""
    content = {"settings": settings, "environment": environment}
    write_text(folder / "study.json", json.dumps(content, indent=1) + "\n")


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings of a study begun in this folder, None if there is none.

    Raises:
        DataError: The file is not one of ours.
    """
    record = read_record(folder / "study.json", SETTINGS)
    if record is not None and not isinstance(record.get("settings"), dict):
        raise broken(folder / "study.json", TypeError("no settings"), SETTINGS)
    return record["settings"] if record else None


def _values(trial: Trial, result: TrialResult) -> tuple[object, ...]:
    return (
        result.variant,
        result.seed,
        trial.network,
        trial.data.source,
        f"{result.accuracy:.6f}",
        result.best_epoch,
        f"{max(result.validation):.6f}",
        f"{result.validation[-1]:.6f}",
        f"{result.loss[-1]:.9g}",
        result.key,
        f"weights/{result.key}.safetensors",
    )
