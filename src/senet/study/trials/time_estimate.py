"""Predict how long a study takes: a few real steps of each variant, in as many processes as it will run in."""

import heapq
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from torch import Tensor, nn

from senet.attention import from_dict
from senet.data import Feed
from senet.inference.evaluation import accumulate_counts
from senet.models.start.adapt_feed import adapt_feed
from senet.study.plan import Trial
from senet.study.runners import local
from senet.study.trials.cost import ROUNDS, WARM_UP, latencies
from senet.study.trials.trial import data_workers, open_data_once
from senet.study.variant import Variant
from senet.training.checkpoint.progress import StepId
from senet.training.recipe.recipe import Recipe
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.prepare_model import prepare_network
from senet.training.setup.step_time import torch_threads
from senet.training.step.learner import Learner

LONG = 12.0  # seconds that all rehearsals together take, about, beside their start
STEPS = 3  # at the least, after one that compiles kernels
CLOSING = 0.4  # of the time that a command takes to begin, for its figures and its report


@dataclass(frozen=True)
class TrialTimes:
    """What a few steps of a trial took, in seconds.

    Args:
        ready: From the start until its process has imported torch and read the data.
        before: Until the first step is taken.
        step: Of training, its batch included.
        opening: That an epoch's first batch takes longer than another.
        image: Of scoring, for each.
        alone: Of one image in a batch of its own.
    """

    ready: float
    before: float
    step: float
    opening: float
    image: float
    alone: float

    def trial(self, recipe: Recipe, feed: Feed) -> float:
        """Return how long a whole trial takes."""
        epoch = feed.steps_per_epoch * self.step + 2 * self.opening + len(feed.validation) * self.image
        return self.before + recipe.epochs * epoch + self.opening + len(feed.test) * self.image


@dataclass(frozen=True)
class TimeEstimate:
    """How long trials take.

    Args:
        trials: Their number.
        work: Seconds of all of them, one after the other.
        seconds: From start to report, side by side.
    """

    trials: int = 0
    work: float = 0.0
    seconds: float = 0.0


def estimate_time(
    trials: Sequence[Trial], missing: Sequence[Trial], feed: Feed, processes: int, before: float
) -> TimeEstimate:
    """Predict how long trials take here, by a rehearsal of each variant.

    Args:
        trials: Of a study.
        missing: Those of them that have to run, in their order.
        feed: Of the study.
        processes: That run side by side, each a trial at a time.
        before: Seconds until a command has imported torch, read the data and built the variants.
    """
    if not missing:
        return TimeEstimate()
    each = {trial.variant: trial for trial in trials}
    taken = dict(zip(each, benchmark_trials(list(each.values()), processes), strict=True))
    durations = [taken[trial.variant].trial(trial.recipe, feed) for trial in missing]
    free = [0.0] * processes
    for seconds in durations:
        heapq.heapreplace(free, free[0] + seconds)
    prices = sum(one.before + (ROUNDS + WARM_UP) * one.alone for one in taken.values())
    ready = max(one.ready for one in taken.values())
    fixed = (1 + CLOSING) * before + prices + ready
    return TimeEstimate(len(missing), sum(durations), fixed + max(free))


def benchmark_trials(trials: Sequence[Trial], processes: int) -> list[TrialTimes]:
    """Take a few steps of each trial, side by side as a study will: a busy neighbour slows a step.

    Args:
        trials: One of each variant.
        processes: That run side by side.
    """
    rounds = -(-len(trials) // processes)
    rehearsed = list(itertools.islice(itertools.cycle(trials), rounds * processes))
    with local.process_pool(processes) as workers:
        began = time.time()
        calls = [partial(_taken, trial, LONG / rounds, began) for trial in rehearsed]
        taken = [future.result() for future in local.submit_all(workers, calls)]
    ready = max(one.ready for one in taken[:processes])  # later ones waited for a process that was busy
    return [replace(one, ready=ready) for one in taken[: len(trials)]]


def _taken(trial: Trial, budget: float, began: float) -> TrialTimes:
    """Rehearse one trial in a worker process."""
    feed = open_data_once(trial.data, trial.on_error, data_workers(trial)).feed(trial.recipe)
    ready = time.time() - began
    with torch_threads(trial.recipe.threads):
        return _steps(trial, feed, budget, ready)


def _steps(trial: Trial, feed: Feed, budget: float, ready: float) -> TrialTimes:
    start, recipe = time.perf_counter(), trial.recipe
    begun = Variant(from_dict(trial.attention, imports=True), trial.placement).begin(
        trial.network, trial.start, feed, trial.seed
    )
    feed, _ = adapt_feed(begun, feed)
    prepare_network(begun.model, recipe, 1)
    learner = Learner(begun.model, FineTuneConfig(recipe, begun.fresh), len(feed.classes), feed.transform.normalise)
    learner.begin_epoch(recipe.epochs)  # the last: nothing is frozen any more
    learner.lr = 0.0
    first = _trained(learner, feed, 0.0, 1)
    before = time.perf_counter() - start
    later = _trained(learner, feed, budget, STEPS + 1)
    step = median(later[1:] or later)
    image, alone = _scored(begun.model, feed, recipe, budget / 2), _alone(begun.model, feed, recipe.threads)
    return TrialTimes(ready, before, step, max(min(first[0], later[0]) - step, 0.0), image, alone)


def _trained(learner: Learner, feed: Feed, budget: float, least: int) -> list[float]:
    """Return the seconds of the steps of an epoch, as many as there are or there is time for."""
    seconds, began = list[float](), time.perf_counter()
    last = began
    for number, (images, targets) in enumerate(feed.train_batches(0, 1), 1):
        learner.step(images, targets, StepId(0, 1, number))
        now = time.perf_counter()
        seconds.append(now - last)
        last = now
        if number >= least and now - began > budget:
            break
    return seconds


def _scored(model: nn.Module, feed: Feed, recipe: Recipe, budget: float) -> float:
    """Return the seconds of scoring an image, the reading of its batch included."""
    seen, began = 0, time.perf_counter()

    def batches() -> Iterable[tuple[Tensor, Tensor]]:
        nonlocal seen
        for images, labels in feed.validation:
            yield images, labels
            seen += len(labels)
            if time.perf_counter() - began > budget:
                return

    accumulate_counts(model, batches(), feed.transform.normalise, recipe.compute)
    return (time.perf_counter() - began) / max(seen, 1)


def _alone(model: nn.Module, feed: Feed, threads: int) -> float:
    return latencies({"": model}, {"": feed.transform.shape}, threads, rounds=3)[""] / 1000
