"""Write results/overhead.md, and its summary into docs/performance.md, from results/overhead.json."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interleaved import median_interval, quartiles
from marked import write_part
from overhead_rows import SAME
from training_page import RESULTS as TRAINING
from training_page import ratio, sides

RESULTS = Path(__file__).parent / "results" / "overhead.json"
PERFORMANCE = Path(__file__).parent.parent / "docs" / "performance.md"
FACTS = "torch", "torchvision", "timm", "pytorchcv", "threads", "python", "system", "processor", "instructions"
SMALL_CASE, SMALL_GOAL = "resnet20, cifar, batch 128", 3.2
ENOUGH = 6  # pairs, below which nothing encloses a median at 95%
HEAD = """# The price of attention

Written by `python benchmarks/overhead.py`; each case again by the command above its table.

A ratio is the time of one network over that of another, both in one process: A B B A and B A A B in turn, each side the
sum of its two. Both are built anew three times in a case, compiled ones once; garbage is collected between pairs. All
sides compute in float32, channels_last, evaluation under `torch.inference_mode()`, with drawn norms and the running
statistics of a batch; a training step is forward, cross entropy, backward and SGD. By default every library here
leaves channels_last to its user; `senet train` takes it. Memory is as the C library has it, or, where a case says so,
kept as senet's commands keep it, for all sides.

The interval of a median comes from order statistics (95%). A goal is **met** where the interval lies below the goal
plus half the interval of the same network against itself, **not met** where it lies above, else **within noise**.

"""


def page(found: Mapping[str, Any]) -> str:
    """Return the whole page."""
    return HEAD + "\n\n".join([summary(found), *(case(name, found[name]) for name in found)]) + "\n"


def summary(found: Mapping[str, Any]) -> str:
    """Return the table of goals."""
    heading = ("case", "what", "senet", "best other", "goal", "", "the same against itself")
    rows = [cells for one in found.values() for cells in goals(one)]
    return table([heading, *rows, *small_training()])


def goals(one: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each comparison of a case that has a goal."""
    itself = next((told(row) for row in one["rows"] if row["what"] == SAME), "")
    for row in one["rows"]:
        if row["goal"]:
            best = best_other(one, row["what"])
            yield one["title"], row["what"], told(row), best, f"{row['goal']:.2f}", verdict(one, row), itself


def best_other(one: Mapping[str, Any], what: str) -> str:
    """Return the lowest price of the same attention among the other libraries."""
    prices = [
        (quartiles(row["ratios"])[1], row["library"])
        for row in one["rows"]
        if row["what"] == what and row["library"] != "senet" and "ratios" in row
    ]
    return "{1} {0:.3f}".format(*min(prices)) if prices else ""


def told(row: Mapping[str, Any]) -> str:
    """Median and its interval, or why there is none."""
    if "ratios" not in row:
        return str(row["missing"])
    low, high = median_interval(row["ratios"])
    middle = f"{quartiles(row['ratios'])[1]:.3f}"
    return middle if low == high else f"{middle} [{low:.3f}, {high:.3f}]"


def verdict(one: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Judge a row by its goal and the case's noise."""
    if not row["goal"] or "ratios" not in row:
        return ""
    if len(row["ratios"]) < ENOUGH and not row["exact"]:
        return "too few pairs"
    noise = half_width(one)
    low, high = median_interval(row["ratios"])
    return "met" if high < row["goal"] + noise else "not met" if low > row["goal"] + noise else "within noise"


def half_width(one: Mapping[str, Any]) -> float:
    """Return half the interval of the same network against itself, 0 where nothing is timed."""
    low, high = next((median_interval(row["ratios"]) for row in one["rows"] if row["what"] == SAME), (0.0, 0.0))
    return (high - low) / 2


def case(name: str, one: Mapping[str, Any]) -> str:
    """Return a case's heading and table."""
    heading = ("what", "library", "median [95%]", "quartiles", one["unit"], "pairs", "goal", "")
    facts = ", ".join(f"{fact} {one['facts'][fact]}" for fact in FACTS if fact in one["facts"])
    head = f"## {one['title']}\n\n    {one['command']}\n\n{facts}\n\n"
    return head + table([heading, *(cells(one, row) for row in one["rows"])])


def cells(one: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one comparison's cells."""
    goal = f"{row['goal']:.2f}" if row["goal"] else ""
    if "ratios" not in row:
        return row["what"], row["library"], told(row), "", "", "", goal, ""
    low, _, high = quartiles(row["ratios"])
    each = [quartiles(series)[1] for series in zip(*row["each"], strict=True)]
    sizes = " / ".join(f"{value:.4g}" for value in each)
    pairs = "" if row["exact"] else str(len(row["ratios"]))
    return row["what"], row["library"], told(row), f"{low:.3f}, {high:.3f}", sizes, pairs, goal, verdict(one, row)


def small_training() -> list[tuple[str, ...]]:
    """Return the row of small-image training, which benchmarks/training.py measures."""
    cases = json.loads(TRAINING.read_text(encoding="utf-8")) if TRAINING.exists() else {}
    if SMALL_CASE not in cases:
        return []
    rates, precision = sides(cases[SMALL_CASE]), cases[SMALL_CASE]["precision"]
    title = "ResNet-20 on CIFAR-10 at batch 128 (training.md)"
    rows = [
        (title, "images/s over timm's loop", over_timm(rates, f"ours, train(), {precision}"), "", f">= {SMALL_GOAL}")
    ]
    if (bound := f"convolutions alone, {precision}") in rates:
        rows.append((title, "the same of convolutions alone", over_timm(rates, bound), "", ""))
    return [(*row, "", "") for row in rows]


def over_timm(rates: Mapping[str, list[float]], side: str) -> str:
    """Say the rate of a side over that of timm's loop, with those workers that make it faster."""
    ratios = [ratio(rates[side], series) for name, series in rates.items() if name.startswith("timm")]
    least = min(ratios, key=lambda series: quartiles(series)[1])
    low, high = median_interval(least)
    return f"{quartiles(least)[1]:.2f} [{low:.2f}, {high:.2f}]"


def table(rows: list[tuple[str, ...]]) -> str:
    """Draw a table whose first row is its heading."""
    lines = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def part() -> str:
    """Return the part of docs/performance.md."""
    if not RESULTS.exists():
        return "Not measured yet: `python benchmarks/overhead.py`."
    return summary(json.loads(RESULTS.read_text(encoding="utf-8")))


def write(found: Mapping[str, Any]) -> None:
    """Write results and pages."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(page(found), encoding="utf-8")
    write_part(PERFORMANCE, "overhead", part())
