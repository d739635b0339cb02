"""Is this checkout as fast as another one? Whole commands of both in turn; writes results/against.md.

python benchmarks/against.py OTHER --rounds 7 --data folder:CIFAR    # CIFAR/train/CLASS/*.jpg, CIFAR/test/CLASS/*.jpg

Each command runs in a fresh process of either side, one after the other, in an order that alternates from round to
round; a ratio is this side's time through the other's within a round, so below 1 this side is faster. The page gives
the median over rounds with the least and the most.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import made
from senet.environment import environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "benchmarks" / "results" / "against.md"
STUDY = ("compare", "--precision", "float32", "--threads", "1", "--name", "run")
TRAIN = ("train", "--precision", "float32", "--threads", "1")


@dataclass(frozen=True)
class Case:
    """A command, and what of it is timed beside the whole.

    Args:
        words: Of the command, without where it writes.
        out: Words that name the folder it writes to.
        inner: What is timed beside the whole, and how it is read from the folder, in seconds.
    """

    words: tuple[str, ...]
    out: Callable[[Path], tuple[str, ...]]
    inner: tuple[str, Callable[[Path], float]]


def trials(folder: Path) -> float:
    with (folder / "run" / "timings.csv").open(newline="", encoding="utf-8") as file:
        return sum(float(row["train_seconds"]) for row in csv.DictReader(file))


def steps(folder: Path) -> float:
    lines = map(json.loads, (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return sum(float(line.get("seconds", 0)) for line in lines)


def cases(data: str | None) -> dict[str, Case]:
    in_trials, in_steps = ("in trials", trials), ("in steps", steps)

    def study(folder: Path) -> tuple[str, ...]:
        return "--out", str(folder)

    def run(folder: Path) -> tuple[str, ...]:
        return "--out", str(folder / "run")

    found = {
        "default study, one worker, 4 trials": Case((*STUDY, "--seeds", "1", "--workers", "1"), study, in_trials),
        "default study, two workers, 16 trials": Case((*STUDY, "--seeds", "4", "--workers", "2"), study, in_trials),
        "senet train, ResNet-8, digits": Case((*TRAIN, "--network", "resnet8", "--data", "digits"), run, in_steps),
    }
    if data:
        some = ("--data", data, "--network", "resnet20", "--epochs", "2", "--batch-size", "128")
        small = (*TRAIN, *some, "--train-fraction", "0.1", "--in-memory", "yes")
        found["senet train, ResNet-20, CIFAR-10"] = Case(small, run, in_steps)
    return found


def timed(case: Case, side: Path) -> tuple[float, float]:
    """Return the seconds of the whole command, and those inside it."""
    paths = {**os.environ, "PYTHONPATH": str(side / "src"), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.monotonic()
        command = [sys.executable, "-m", "senet", *case.words, *case.out(folder)]
        subprocess.run(command, check=True, capture_output=True, env=paths)
        return time.monotonic() - start, case.inner[1](folder)


def measured(case: Case, sides: Sequence[Path], rounds: int) -> list[Mapping[Path, tuple[float, float]]]:
    found = list[Mapping[Path, tuple[float, float]]]()
    for number in range(rounds):
        order = sides if number % 2 else sides[::-1]
        found.append({side: timed(case, side) for side in order})
        print(f"{' '.join(case.words)}: round {number + 1} of {rounds}", file=sys.stderr)
    return found


def spread(series: Sequence[float]) -> str:
    return f"{statistics.median(series):.3f} [{min(series):.3f}, {max(series):.3f}]"


def rows(name: str, case: Case, found: Sequence[Mapping[Path, tuple[float, float]]], other: Path) -> list[str]:
    lines = []
    for i, what in enumerate(("whole command", case.inner[0])):
        here = [each[ROOT][i] for each in found]
        ratios = [each[ROOT][i] / each[other][i] for each in found]
        lines.append(f"| {name} | {what} | {statistics.median(here):.2f} | {spread(ratios)} |")
    return lines


def commit(side: Path) -> str:
    words = ["git", "-C", str(side), "log", "-1", "--format=%h %s"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", help="folder:PATH of CIFAR-10")
    args = parser.parse_args()
    other = args.other.resolve()
    table = ["| command | what | seconds here | through the other's |", "|---|---|---:|---:|"]
    for name, case in cases(args.data).items():
        table += rows(name, case, measured(case, (ROOT, other), args.rounds), other)
    data = " --data folder:CIFAR" if args.data else ""
    page = [
        "# This checkout against another",
        "",
        f"Written by `python benchmarks/against.py OTHER --rounds {args.rounds}{data}`. Medians over the rounds, in "
        "brackets least and most.",
        "",
        f"- here: {commit(ROOT)}",
        f"- the other: {commit(other)}",
        *(f"- {key}: {value}" for key, value in environment().items()),
        made.LINE,
        "",
        *table,
        "",
    ]
    PAGE.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
