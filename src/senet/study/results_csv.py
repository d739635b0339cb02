"""The files of a study: settings, results and timings, rewritten whole from the trials."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from senet.study.plan import Trial
from senet.study.summary import TrialResult, VariantRow
from senet.study.trials.result_files import SETTINGS, invalid_file, read_record
from senet.utils.files import csv_text, write_text

COLUMNS: dict[str, Callable[[Trial, TrialResult], object]] = {
    "variant": lambda _, result: result.variant,
    "seed": lambda _, result: result.seed,
    "network": lambda trial, _: trial.network,
    "data": lambda trial, _: trial.data.source,
    "accuracy": lambda _, result: f"{result.accuracy:.6f}",
    "best_epoch": lambda _, result: result.best_epoch,
    "best_validation": lambda _, result: f"{max(result.validation):.6f}",
    "last_validation": lambda _, result: f"{result.validation[-1]:.6f}",
    "last_loss": lambda _, result: f"{result.loss[-1]:.9g}",
    "trial": lambda _, result: result.key,
    "weights": lambda _, result: f"weights/{result.key}.safetensors",
}
"""Of ``results.csv``: what a clock says is not among them."""


def write_results(folder: Path, trials: Sequence[Trial], results: Sequence[TrialResult]) -> None:
    """Write ``results.jsonl`` (everything) and ``results.csv`` (deterministic columns), in the plan's order."""
    pairs = list(zip(trials, results, strict=True))
    lines = [json.dumps({"network": trial.network, **asdict(result)}) for trial, result in pairs]
    write_text(folder / "results.jsonl", "".join(f"{line}\n" for line in lines))
    values = ([of(trial, result) for of in COLUMNS.values()] for trial, result in pairs)
    write_text(folder / "results.csv", csv_text(COLUMNS, values))


def write_timings(folder: Path, results: Sequence[TrialResult], rows: Sequence[VariantRow]) -> None:
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
        raise invalid_file(folder / "study.json", TypeError("no settings"), SETTINGS)
    return record["settings"] if record else None
