"""Choose how a study uses this machine: precision, processes and threads, by short measurements that are kept."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from senet.data import Feed
from senet.errors import UsageError
from senet.inference.compute import Precision
from senet.study import results_csv
from senet.study.plan import Plan
from senet.study.variant import Variant
from senet.training.setup.compile_choice import EAGER, ChosenCompile, choose_compile, compile_of_run
from senet.training.setup.precision import ChosenPrecision, choose_precision, precision_of_run
from senet.training.setup.step_time import CLEARLY, StepVariant
from senet.training.setup.step_time_cache import cached_step_times
from senet.utils.text import counted


@dataclass(frozen=True)
class TuneRequest:
    """What the user asks for; what is None is measured.

    Args:
        precision: Of training.
        workers: Processes.
        threads: torch threads of each.
        renew: Whether to measure again whatever is kept.
        compile: Whether to compile the networks.
    """

    precision: Precision | None = None
    workers: int | None = None
    threads: int | None = None
    renew: bool = False
    compile: bool | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name}={value} is below 1")


@dataclass(frozen=True)
class TunedPlan:
    """A plan that can run.

    Args:
        plan: With precision and threads.
        processes: That run it side by side.
        precision: With where it comes from.
        layout: Where processes and threads come from, in words; empty where there was nothing to choose.
        compiles: Whether the networks are compiled, with where it comes from.
    """

    plan: Plan
    processes: int
    precision: ChosenPrecision
    layout: str = ""
    compiles: ChosenCompile = EAGER

    @property
    def notes(self) -> tuple[str, ...]:
        """What was settled and where it comes from, in words."""
        workers, threads = counted(self.processes, "worker"), counted(self.plan.recipe.threads, "thread")
        layout = f"{workers} of {threads}{f': {self.layout}' if self.layout else ''}"
        return str(self.precision), layout, *([str(self.compiles)] if self.compiles.origin else ())


def keep_memory_setting(plan: Plan, folder: Path) -> Plan:
    """Return a plan that keeps images in memory, or does not, as this folder's study began, unless it says itself."""
    begun = (results_csv.read_settings(folder) or {}).get("data", {})
    kind, size = str(begun.get("source")).partition(":")[0], begun.get("image_size")
    if plan.data.in_memory is not None or (kind, size) != (plan.data.source.partition(":")[0], plan.data.image_size):
        return plan
    kept = begun.get("in_memory", True)  # studies of before it could be said kept all images
    return replace(plan, data=replace(plan.data, in_memory=kept))


def tune_plan(plan: Plan, feed: Feed, folder: Path, request: TuneRequest, cores: int) -> TunedPlan:
    """Fix what is not asked for: as this folder's study began, else by measuring.

    Args:
        plan: Its recipe's precision and threads are replaced.
        feed: Of the plan's recipe; says what a batch is like.
        folder: Of the study.
        request: Of the user.
        cores: That this machine has.
    """
    begun = {} if request.renew else (results_csv.read_settings(folder) or {}).get("recipe", {})
    chosen = _precision(plan, feed, request, begun)
    threads = request.threads or begun.get("threads")
    trials = plan.seeds * len(plan.variants)
    layouts = _layouts(trials, cores, request.workers, threads)
    plan = replace(plan, recipe=replace(plan.recipe, precision=chosen.precision))
    (processes, threads), origin = _layout(plan, feed, layouts, request.renew)
    recipe = replace(plan.recipe, threads=threads)
    compiles = _compiles(replace(plan, recipe=recipe), feed, request, begun)
    plan = replace(plan, recipe=replace(recipe, compile=compiles.compile))
    return TunedPlan(plan, processes, chosen, origin, compiles)


def _precision(plan: Plan, feed: Feed, request: TuneRequest, begun: dict[str, Any]) -> ChosenPrecision:
    """Return the precision; what it depends on is neither --workers nor the variants, nor their order."""
    if request.precision:
        return ChosenPrecision(request.precision)
    if began := precision_of_run(begun):
        return began
    # One thread, unless told otherwise: how many each process will have depends on --workers and on the trials.
    threads = request.threads or 1
    return choose_precision(_network(plan, feed), feed, plan.recipe.batch_size, threads, request.renew)


def _compiles(plan: Plan, feed: Feed, request: TuneRequest, begun: dict[str, Any]) -> ChosenCompile:
    """Return whether a trial, which is a run by itself, compiles its network: trials share what was compiled."""
    if request.compile is not None:
        return ChosenCompile(request.compile)
    return compile_of_run(begun) or choose_compile(_network(plan, feed), feed, plan.recipe, request.renew)


def _network(plan: Plan, feed: Feed) -> Any:
    """Return the network without attention, which all orders of all variants have in common."""
    return Variant().begin(plan.network, plan.start, feed).model


def _layouts(trials: int, cores: int, workers: int | None, threads: int | None) -> list[tuple[int, int]]:
    """Return (processes, threads each) to choose from, the preferred one first."""
    if threads is not None:
        return [(max(1, min(trials, workers or cores // threads)), threads)]
    processes = max(1, min(trials, workers or cores))
    side_by_side = (processes, max(1, cores // processes))
    return [side_by_side] if workers is not None or processes == 1 else [side_by_side, (1, cores)]


def _layout(plan: Plan, feed: Feed, layouts: list[tuple[int, int]], renew: bool) -> tuple[tuple[int, int], str]:
    """Return the layout with the most steps a second, the first unless another is clearly faster, and why it is.

    Small networks train faster side by side than one after the other on all cores: their steps are too short to share.
    """
    if len(layouts) == 1:
        return layouts[0], ""
    ways = [StepVariant(plan.recipe.precision, threads) for _, threads in layouts]
    times = cached_step_times(_network(plan, feed), feed, plan.recipe.batch_size, ways, renew)
    best = layouts[0]
    for processes, threads in layouts[1:]:
        seconds, least = (times.seconds[StepVariant(plan.recipe.precision, count)] for count in (threads, best[1]))
        if processes / seconds > CLEARLY * best[0] / least:
            best = processes, threads
    return best, str(times)
