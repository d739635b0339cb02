"""Write results/training.md from results/training.json: rates, ratios within a round, and parts of a step."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "training.json"
FACTS = "results version", "torch", "torchvision", "timm", "pillow", "python", "system", "processor", "instructions"
HEAD = """# Speed of training and loading

Written by `benchmarks/training.py`, each case by the command above its table. All sides of a case ran in one process,
window after window in turn, on the same images and batch and with the same network of ours; the first round is not
kept. Ratios are taken within a round; medians, in brackets least and most over the rounds. The host's speed drifts by
tens of percent from minute to minute: compare ratios, not rates of different tables.

What was compared:

- **bare step**: forward, backward, optimizer on one batch in memory, same network, layout, precision and optimizer as
  ours. **ours**: `train()` with its checks, records and files; **in memory**: `train_in_memory()`, the same loop
  without files, which studies use; small images in memory (crop after padding and flip), large ones from JPEG files by
  two workers. In float32 and, where a short measurement finds it faster by a quarter, in the bf16 that `senet train`
  then takes by default. **convolutions alone**: the bare step without norms and without the ReLUs within units.
- **timm**, **torchvision**: the loops of their published scripts at their defaults (timm: folder data set, random
  resized crop, flip, colour jitter 0.4, random interpolation, prefetching loader, label smoothing 0.1, SGD with
  Nesterov momentum, step-wise schedule; torchvision: ImageFolder, random resized crop, flip, SGD with momentum, top-1
  and top-5 of each batch), float32, contiguous layout. We set the network, its classes, the batch size, the image
  size (32 for CIFAR-10, 28 and one channel for Fashion-MNIST, 224 for JPEGs) and two threads. They read CIFAR-10 as
  JPEG files and Fashion-MNIST as PNG files, since their scripts hold no data in memory. The workers are their own
  default (4 and 16) and, as a kindness to a machine of two cores, 2; ratios are to the faster of the two.
- Log lines, evaluation, checkpoints and the start of their workers are left out on their side, in their favour.

"""


def page(cases: Mapping[str, Any]) -> str:
    """Return the whole page."""
    facts = next(iter(cases.values()))
    lines = [HEAD, *(f"- {name}: {facts[name]}\n" for name in FACTS if name in facts), "\n"]
    for name, case in sorted(cases.items(), key=lambda item: (item[1]["kind"] != "small", item[1]["kind"], item[0])):
        lines += [f"## {name}\n\n    {case['command']}\n\n", *notes(case), *rates(case), *parts(case)]
    return "".join(lines).rstrip() + "\n"


def notes(case: Mapping[str, Any]) -> list[str]:
    """Say what else was set."""
    said = [case["images"]] if "images" in case else [f"our default precision here: {case['precision']}"]
    return [f"{', '.join(said)}\n\n"]


def sides(case: Mapping[str, Any]) -> dict[str, list[float]]:
    """Images a second of every side, round by round."""
    rounds = case["rounds"].items()
    return {name: [n / seconds for n, seconds in runs] for name, runs in rounds if not name.startswith("part: ")}


def rates(case: Mapping[str, Any]) -> list[str]:
    """Table of rates and of the ratio of ours to each."""
    found = sides(case)
    mine = [name for name in found if name.startswith("ours")]
    lines = [
        "| | images/s | " + " | ".join(f"{name} against it" for name in mine) + " |\n",
        "|---|---:|" + "---:|" * len(mine) + "\n",
    ]
    for name, series in found.items():
        cells = ["" if name == own else spread(ratio(found[own], series), 2) for own in mine]
        lines.append(f"| {name} | {spread(series, 1)} | {' | '.join(cells)} |\n")
    return [*lines, "\n"]


def ratio(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def parts(case: Mapping[str, Any]) -> list[str]:
    """Table of what the time goes to, and how near convolutions come to the rate of matrix products."""
    found = {name[6:]: runs for name, runs in case["rounds"].items() if name.startswith("part: ")}
    per_image = {
        name: 1000 * statistics.median(seconds / n for n, seconds in runs)
        for name, runs in found.items()
        if name != "matrix product"
    }
    draft = per_image.pop("draft", None)
    worker = {name: per_image.pop(name) for name in ("read", "decode", "augment", "to bytes") if name in per_image}
    lines: list[str] = []
    for title, of in (("a step of ours", per_image), ("a worker of ours, one core", worker)):
        if of:
            total = sum(of.values())
            told = ", ".join(f"{name} {value:.3f} ({100 * value / total:.1f}%)" for name, value in of.items())
            lines.append(f"Milliseconds an image in {title}: {told}.\n\n")
    if draft is not None:
        lines.append(
            f"Not used, since it changes pixels: decoding in draft mode to a side of 256 or more, {draft:.3f}.\n\n"
        )
    return lines + rate_of_products(case, found)


def rate_of_products(case: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Compare forward and backward with a matrix product, round by round."""
    if "matrix product" not in found:
        return []
    best = [operations / seconds for operations, seconds in found["matrix product"]]
    lines = [f"A {case['precision']} matrix product of side 2048 reaches {spread(best, 0)} GFLOP/s"]
    for name, times in (("forward", 1), ("backward", 2)):
        reached = [times * case["giga"] * n / seconds for n, seconds in found[name]]
        share = ratio(reached, best)
        lines.append(f"{name} {spread(reached, 0)}, {100 * statistics.median(share):.0f}% of it")
    return ["; ".join(lines) + ".\n\n"]


def spread(values: Sequence[float], digits: int) -> str:
    """Median, least and most."""
    middle, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"
