"""The main job: plan, train what is missing, compare, write everything down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from filelock import FileLock, Timeout
from torch import nn

from senet.accounting import cost
from senet.attention import parse
from senet.data import Dataset, Normaliser, load
from senet.errors import UsageError
from senet.files import require_writable, write_text
from senet.study import report, store
from senet.study.environment import environment
from senet.study.latency import latencies
from senet.study.plan import Plan, Trial, build, build_all
from senet.study.summarise import Price, summarise
from senet.study.summary import Summary, TrialResult
from senet.study.trial import read_result
from senet.study.workers import run_all
from senet.training.precision import settle_precision
from senet.training.recipe import Precision
from senet.training.recipe import to_dict as recipe_values


class Progress(Protocol):
    """Is told what happens."""

    def begin(self, total: int, finished: int) -> None:
        """The study has so many trials, of which some were finished before."""

    def trial(self, result: TrialResult) -> None:
        """A trial finished."""


def compare(plan: Plan, data: Dataset, folder: Path, workers: int, progress: Progress) -> Summary:
    """Run a study and write its files; trials that are finished already are not run again.

    Args:
        plan: With precision and threads settled.
        data: What the plan's settings load.
        folder: Written to: study.json, results.jsonl, results.csv, timings.csv, trials/, weights/, report.html.
        workers: Processes.
        progress: Is told what happens.

    Raises:
        SenetError: Of any kind; what had finished stays on disk.
    """
    require_writable(folder)
    with exclusive(folder):
        surroundings = environment()
        store.write_settings(folder, settings_of(plan, data), surroundings)
        trials = plan.trials(data.fingerprint(), surroundings)
        missing = [trial for trial in trials if read_result(folder, trial) is None]
        progress.begin(len(trials), len(trials) - len(missing))
        run_all(missing, folder, workers, progress.trial)
        results = [result for trial in trials if (result := read_result(folder, trial))]
        return conclude(plan, data, trials, results, folder)


def conclude(plan: Plan, data: Dataset, trials: list[Trial], results: list[TrialResult], folder: Path) -> Summary:
    """Compare finished trials and write results, timings and report."""
    summary = summarise(plan, results, prices(plan, data), settings_of(plan, data), dict(environment()))
    store.write_results(folder, trials, results)
    store.write_timings(folder, results, summary.rows)
    write_text(folder / "report.html", report.render(summary))
    return summary


def settle(plan: Plan, data: Dataset, folder: Path, precision: Precision | Literal["auto"]) -> Plan:
    """Fix the precision: as asked for, else as this folder's study began, else by measuring.

    Args:
        plan: Its recipe's precision is replaced.
        data: Gives the batch to measure with.
        folder: Of the study.
        precision: ``auto``, ``float32`` or ``bf16``.
    """
    if precision == "auto":
        begun = store.read_settings(folder) or {}
        precision = begun.get("recipe", {}).get("precision") or _measured(plan, data)
    return replace(plan, recipe=replace(plan.recipe, precision=precision))


def _measured(plan: Plan, data: Dataset) -> Precision:
    model, split, recipe = build(plan.network, parse(plan.variants[0]), data), data.train, plan.recipe
    batch = split.images[: recipe.batch_size], split.labels[: recipe.batch_size]
    return settle_precision(model, *batch, Normaliser(data.mean, data.std), recipe.threads)


def prices(plan: Plan, data: Dataset) -> dict[str, Price]:
    """Count and time every variant."""
    torch.manual_seed(0)
    models: dict[str, nn.Module] = {v: build(plan.network, parse(v), data) for v in plan.variants}
    times = latencies(models, data, plan.recipe.threads)
    counts = {variant: cost(model, (data.channels, *data.size)) for variant, model in models.items()}
    return {v: Price(counts[v].parameters, counts[v].multiply_adds, times[v]) for v in plan.variants}


def settings_of(plan: Plan, data: Dataset) -> dict[str, Any]:
    """Return the resolved settings as plain values."""
    return {
        "network": plan.network,
        "variants": list(plan.variants),
        "seeds": plan.seeds,
        "data": asdict(plan.data),
        "images": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "recipe": recipe_values(plan.recipe),
    }


def check(plan: Plan) -> Dataset:
    """Load the data and build every variant without training, so that a bad plan fails at once."""
    data = load(plan.data)
    build_all(plan, data)
    return data


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep a second process out of a study's folder; the system drops the lock of a process that dies.

    Raises:
        UsageError: Another process holds it.
    """
    try:
        with FileLock(folder / ".lock", blocking=False):
            yield
    except Timeout as error:
        raise UsageError(
            "another process works in this folder", where=str(folder), do="wait for it, or pass another --out"
        ) from error
