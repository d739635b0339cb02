"""What attention costs: networks timed against the same without it, ours and the other libraries'.

python benchmarks/overhead.py [--rows NAME ...] [--pairs N] [--keep-memory] [--list]

Writes results/overhead.json and .md, and the table of docs/performance.md. A case that is measured alone replaces
itself only. Where another library is not installed, its rows say so. With --keep-memory the process keeps what it
frees, as senet's commands do, all sides alike; these are cases of their own. Measure where nothing else runs.
"""

import argparse
import json
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from overhead_page import RESULTS, write
from overhead_rows import CASES, Case, Comparison
from senet.utils.allocator import keep_freed_memory
from senet.utils.environment import available_cores, environment

PAIRS = 30
KEPT = ", memory kept"  # after the name of a case


def measured(name: str, pairs: int, kept: str) -> dict[str, Any]:
    """Measure a case, row after row."""
    case, said = CASES[name], [f"--pairs {pairs}"] * (pairs != PAIRS) + ["--keep-memory"] * bool(kept)
    command = " ".join([f"python benchmarks/overhead.py --rows {name}", *said])
    rows = [row(case, comparison, pairs) for comparison in case.comparisons]
    return {"title": case.title + kept, "command": command, "unit": case.unit, "facts": versions(), "rows": rows}


def row(case: Case, comparison: Comparison, pairs: int) -> dict[str, Any]:
    """Measure one comparison, or say what is missing for it."""
    said = {"what": comparison.what, "library": comparison.library, "goal": comparison.goal}
    print(f"  {comparison.what}, {comparison.library}", file=sys.stderr)
    try:
        return {**said, **case.measure(comparison.side, comparison.base, pairs)}
    except ModuleNotFoundError as error:
        if error.name != comparison.library:
            raise
        return {**said, "missing": f"{comparison.library} is not installed"}


def versions() -> dict[str, str]:
    """What it ran on."""
    peers = {name: installed(name) for name in ("timm", "pytorchcv")}
    return {**environment(), **peers, "threads": str(torch.get_num_threads())}


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--keep-memory", action="store_true", help="as senet's commands do")
    parser.add_argument("--list", action="store_true", help="name the cases, and end")
    args = parser.parse_args()
    minutes = {name: CASES[name].minutes * args.pairs / PAIRS for name in args.rows}
    if args.list:
        print("\n".join(f"{name:12} about {minutes[name]:4.1f} min  {CASES[name].title}" for name in args.rows))
        return
    torch.set_num_threads(available_cores())
    kept = KEPT if args.keep_memory else ""
    assert not kept or keep_freed_memory(), "the environment tunes malloc, or this is not glibc"
    print(f"about {sum(minutes.values()):.0f} minutes on two cores", file=sys.stderr)
    for name in args.rows:
        began = time.perf_counter()
        print(name, file=sys.stderr)
        replace(name + kept, measured(name, args.pairs, kept))
        print(f"  took {(time.perf_counter() - began) / 60:.1f} min", file=sys.stderr)


def replace(name: str, found: dict[str, Any]) -> None:
    """Keep a case's result in the place of its former one."""
    everything = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    everything[name] = found
    order = [known + kept for kept in ("", KEPT) for known in CASES]
    write({known: everything[known] for known in order if known in everything})


if __name__ == "__main__":
    main()
