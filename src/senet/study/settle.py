"""Settle how a study uses this machine: precision, processes and threads, by a short measurement, once per study."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from senet.data import Feed
from senet.errors import UsageError
from senet.inference.compute import Precision
from senet.study import store
from senet.study.plan import Plan
from senet.training.pace import CLEARLY, Way, faster, step_seconds

START = 6.0  # seconds until a worker process has imported torch and read the data


@dataclass(frozen=True)
class Wishes:
    """What the user asks for; what is None is settled here.

    Args:
        precision: Of training.
        workers: Processes.
        threads: torch threads of each.
    """

    precision: Precision | None = None
    workers: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name}={value} is below 1")


@dataclass(frozen=True)
class Settled:
    """A plan that can run.

    Args:
        plan: With precision and threads.
        processes: That run it side by side.
        step: Seconds of one training step of the baseline, by itself.
        fetch: Seconds until a batch is decoded, where that is not done beforehand.
    """

    plan: Plan
    processes: int
    step: float
    fetch: float = 0.0


def as_begun(plan: Plan, folder: Path) -> Plan:
    """Return a plan that keeps images in memory, or does not, as this folder's study began, unless it says itself."""
    begun = (store.read_settings(folder) or {}).get("data", {})
    kind, size = str(begun.get("source")).partition(":")[0], begun.get("image_size")
    if plan.data.in_memory is not None or (kind, size) != (plan.data.source.partition(":")[0], plan.data.image_size):
        return plan
    kept = begun.get("in_memory", True)  # studies of before it could be said kept all images
    return replace(plan, data=replace(plan.data, in_memory=kept))


def settle(plan: Plan, feed: Feed, folder: Path, wishes: Wishes, cores: int) -> Settled:
    """Fix what is not asked for: as this folder's study began, else by measuring.

    Args:
        plan: Its recipe's precision and threads are replaced.
        feed: Of the plan's recipe; says what a batch is like.
        folder: Of the study.
        wishes: Of the user.
        cores: That this machine has.
    """
    begun = (store.read_settings(folder) or {}).get("recipe", {})
    precision = wishes.precision or begun.get("precision")
    threads = wishes.threads or begun.get("threads")
    trials = plan.seeds * len(plan.variants)
    layouts = _layouts(trials, cores, wishes.workers, threads)
    times = _measured(plan, feed, [precision] if precision else ["float32", "bf16"], [t for _, t in layouts])
    precision = precision or faster(times, layouts[0][1])
    processes, threads = _faster_layout(layouts, {t: times[Way(precision, t)] for _, t in layouts})
    recipe = replace(plan.recipe, precision=precision, threads=threads)
    fetch = 0.0 if plan.data.in_memory else _fetch_seconds(feed)
    return Settled(replace(plan, recipe=recipe), processes, times[Way(precision, threads)], fetch)


def _layouts(trials: int, cores: int, workers: int | None, threads: int | None) -> list[tuple[int, int]]:
    """Return (processes, threads each) to choose from, the preferred one first."""
    if threads is not None:
        return [(max(1, min(trials, workers or cores // threads)), threads)]
    processes = max(1, min(trials, workers or cores))
    side_by_side = (processes, max(1, cores // processes))
    return [side_by_side] if workers is not None or processes == 1 else [side_by_side, (1, cores)]


def _faster_layout(layouts: list[tuple[int, int]], step: dict[int, float]) -> tuple[int, int]:
    """Return the layout with the most steps a second, the first unless another is clearly faster.

    Small networks train faster side by side than one after the other on all cores: their steps are too short to share.
    """
    best = layouts[0]
    for processes, threads in layouts[1:]:
        if processes / step[threads] > CLEARLY * best[0] / step[best[1]]:
            best = processes, threads
    return best


def _measured(plan: Plan, feed: Feed, precisions: list[Precision], threads: list[int]) -> dict[Way, float]:
    model = plan.variants[plan.baseline].begin(plan.network, plan.start, feed).model
    ways = [Way(precision, count) for precision in precisions for count in threads]
    return step_seconds(model, feed, plan.recipe.batch_size, ways)


def _fetch_seconds(feed: Feed) -> float:
    start = time.monotonic()
    next(iter(feed.train_batches(0, 1)))
    return time.monotonic() - start


def trial_seconds(settled: Settled, feed: Feed) -> float:
    """Predict the time of one trial of the baseline from the measured step.

    Scoring an image is a forward pass, a third of a step's work on it; the optimizer and augmentation come on top.
    """
    recipe = settled.plan.recipe
    trained = recipe.epochs * len(feed.train)
    scored = recipe.epochs * len(feed.validation) + len(feed.test)
    computed, decoded = 1.15 * settled.step * (trained + scored / 3), settled.fetch * (trained + scored)
    return (computed + decoded) / recipe.batch_size


def study_seconds(settled: Settled, feed: Feed, missing: int) -> float:
    """Predict the time of the trials that have still to run."""
    if not missing:
        return 0.0
    rounds = -(-missing // settled.processes)
    return START + rounds * trial_seconds(settled, feed)
