"""How fast trials run side by side; writes results/study.md.

python benchmarks/study.py --data folder:CIFAR    # CIFAR/train/CLASS/*.jpg and CIFAR/test/CLASS/*.jpg

Two one-thread workers against one worker with one thread and one with both cores: the default study, ResNet-8 on
CIFAR-10 with the batch that `senet compare` takes by default, and with the papers' batch of 128. Each layout runs the
same trials in turn, round after round, through `LocalRunner` as `senet compare` does; the time runs from when every
worker has finished a first trial, which loads the data, to the end of the last. A ratio is that of two neighbours in
one round; the page gives the median over rounds with the least and the most.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import made
from senet.data import DataConfig, load, resolved
from senet.study import VARIANTS
from senet.study.build_variants import variants_from_specs
from senet.study.plan import Plan, Trial
from senet.study.progress import LiveReport, NullProgress
from senet.study.runners.local import LocalRunner
from senet.study.summary import TrialResult
from senet.training import Recipe
from senet.utils.environment import environment

RESULTS = Path(__file__).parent / "results" / "study.md"
LAYOUTS = {"2 workers, 1 thread": (2, 1), "1 worker, 1 thread": (1, 1), "1 worker, 2 threads": (1, 2)}


@dataclass(frozen=True)
class Case:
    """A study whose trials are timed.

    Args:
        name: Of the page's section.
        plan: With the recipe of one-thread trials.
        timed: Trials in a round, after one of each worker that loads the data.
    """

    name: str
    plan: Plan
    timed: int


class Clock(NullProgress):
    """Notes when each trial ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def trial(self, result: TrialResult) -> None:
        """Note it."""
        self.ends.append(time.monotonic())


def trials_a_minute(case: Case, fingerprint: str, processes: int, threads: int) -> float:
    recipe = replace(case.plan.recipe, threads=threads)
    plan = replace(case.plan, recipe=recipe, seeds=-(-(case.timed + 2) // len(case.plan.variants)))
    trials: Sequence[Trial] = plan.trials(fingerprint, environment())
    alike = [replace(trials[0], seed=seed) for seed in range(1000, 1000 + processes)]  # each worker's first
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        watcher = LiveReport(Path(folder), clock, lambda: None)
        LocalRunner(processes).run([*alike, *trials[: case.timed]], Path(folder), watcher)
    return 60 * case.timed / (clock.ends[-1] - clock.ends[processes - 1])


def measured(case: Case, rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {layout: [] for layout in LAYOUTS}
    fingerprint = load(case.plan.data).fingerprint()
    for i in range(rounds):
        for layout, (processes, threads) in LAYOUTS.items():
            rates[layout].append(trials_a_minute(case, fingerprint, processes, threads))
            print(f"{case.name}, round {i + 1}/{rounds}, {layout}: {rates[layout][-1]:.2f} a minute", file=sys.stderr)
    return rates


def section(case: Case, rates: dict[str, list[float]]) -> list[str]:
    first, *_ = LAYOUTS
    lines = [f"## {case.name}", "", "| | trials a minute | two one-thread workers against it |", "|---|---:|---:|"]
    for layout, series in rates.items():
        ratios = [a / b for a, b in zip(rates[first], series, strict=True)]
        against = "" if layout == first else spread(ratios, ".2f")
        lines.append(f"| {layout} | {spread(series, '.1f')} | {against} |")
    return [*lines, ""]


def spread(series: Sequence[float], form: str) -> str:
    return f"{statistics.median(series):{form}} [{min(series):{form}}, {max(series):{form}}]"


def cases(data: str) -> list[Case]:
    digits = resolved(DataConfig("digits", train_fraction=0.1))
    cifar = resolved(DataConfig(data, train_fraction=0.05))
    small = Plan("resnet8", variants_from_specs(VARIANTS), 8, digits, Recipe(epochs=40))
    photographs = Recipe(epochs=4, precision="bf16")  # what the measurement before a study chooses here
    batch32 = Plan("resnet8", variants_from_specs(VARIANTS[:2]), 8, cifar, photographs)
    batch128 = replace(batch32, recipe=replace(photographs, batch_size=128))
    return [
        Case("The default study: ResNet-8 on digits", small, 16),
        Case("ResNet-8 on CIFAR-10, 2,250 images, batch 32", batch32, 4),
        Case("ResNet-8 on CIFAR-10, 2,250 images, batch 128", batch128, 4),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder:PATH of CIFAR-10")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    page = [
        "# Trials side by side",
        "",
        f"Written by `python benchmarks/study.py --data folder:CIFAR --rounds {args.rounds}`. "
        "Medians over the rounds, in brackets least and most.",
        "",
    ]
    for case in cases(args.data):
        page += section(case, measured(case, args.rounds))
    page += [*(f"- {name}: {value}" for name, value in environment().items()), made.LINE]
    RESULTS.write_text("\n".join([*page, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
