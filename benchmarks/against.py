"""Is this checkout as fast as another one? Both in turn, on the same machine; writes results/against.md.

python benchmarks/against.py OTHER --rounds 15

A process of each side lives through all rounds (benchmarks/against_side.py) and does each case once a round, the sides
one after the other in an order that alternates; the first round is not kept. Cases are trials, whole runs, and the
loader on image files and on shards. Then whole studies of 16 trials with two workers run as commands, in turn,
--studies times. A ratio is this side's time through the other's within a round: below 1 this side is faster. The page
gives the median over rounds with the least and the most.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import made
from against_side import CASES
from senet.utils.environment import environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "benchmarks" / "results" / "against.md"
STUDY = ("compare", "--precision", "float32", "--threads", "1", "--seeds", "4", "--workers", "2", "--name", "run")

Times = list[tuple[float, float]]  # of this side and of the other, by round


class Side:
    """A process with a checkout's senet on its path."""

    def __init__(self, checkout: Path) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(ROOT / "benchmarks" / "against_side.py")]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=self.environment)

    def seconds(self, case: str) -> float:
        """Do a case once."""
        assert self.process.stdin
        assert self.process.stdout
        print(case, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def study(self) -> float:
        """Run a study as a command."""
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            command = [sys.executable, "-m", "senet", *STUDY, "--out", out]
            subprocess.run(command, check=True, capture_output=True, env=self.environment)
            return time.perf_counter() - start


def in_turn(sides: Sequence[Side], case: str, number: int) -> tuple[float, float]:
    order = sides if number % 2 else sides[::-1]
    seconds = {side: side.study() if case == "study" else side.seconds(case) for side in order}
    return seconds[sides[0]], seconds[sides[1]]


def spread(series: Sequence[float]) -> str:
    return f"{statistics.median(series):.3f} [{min(series):.3f}, {max(series):.3f}]"


def row(name: str, times: Times) -> str:
    here = statistics.median(mine for mine, _ in times)
    return f"| {name} | {len(times)} | {here:.2f} | {spread([mine / others for mine, others in times])} |"


def measured(sides: Sequence[Side], rounds: int, studies: int) -> list[str]:
    found: dict[str, Times] = {case: [] for case in CASES}
    for number in range(rounds + 1):
        for case, times in found.items():
            pair = in_turn(sides, case, number)
            times += [pair] if number else []
        print(f"round {number} of {rounds}", file=sys.stderr)
    trials = [times for case, times in found.items() if case.startswith("trial")]
    found["the four trials together"] = [
        (sum(mine for mine, _ in each), sum(others for _, others in each)) for each in zip(*trials, strict=True)
    ]
    found["senet compare, 16 trials, two workers"] = [in_turn(sides, "study", number) for number in range(studies)]
    return [row(name, times) for name, times in found.items()]


def commit(side: Path) -> str:
    words = ["git", "-C", str(side), "log", "-1", "--format=%h %s"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--studies", type=int, default=4)
    args = parser.parse_args()
    page = [
        "# This checkout against another",
        "",
        f"Written by `python benchmarks/against.py OTHER --rounds {args.rounds} --studies {args.studies}`: see there. "
        "Medians over the rounds, in brackets least and most; below 1 this side is faster.",
        "",
        f"- here: {commit(ROOT)}",
        f"- the other: {commit(args.other)}",
        *(f"- {key}: {value}" for key, value in environment().items()),
        made.LINE,
        "",
        "| what | rounds | seconds here | through the other's |",
        "|---|---:|---:|---:|",
        *measured([Side(ROOT), Side(args.other.resolve())], args.rounds, args.studies),
        "",
    ]
    PAGE.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
