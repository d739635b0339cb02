"""Hold a study's verdicts against the orderings that its paper printed: reproduced, not reproduced, cannot be told."""

import csv
from collections import defaultdict
from pathlib import Path

from senet.study.named import Study
from senet.study.statistics import compare
from senet.study.summary import Comparison
from senet.study.verdict import outcome
from senet.study.words import p_text, points


def reading(study: Study, folder: Path) -> list[str]:
    """Return a table: each pair of variants with the baseline's, by the paper and by ours."""
    compared = compare(differences(study, folder / "results.csv"))
    baseline = next(iter(study.variants))
    lines = [
        "Top-1 errors are the paper's own ImageNet numbers; they enter no statistic here.",
        "",
        f"| against {baseline} | paper, points | ours, points | p | the paper's ordering |",
        "|---|---:|---:|---:|---|",
    ]
    for variant, comparison in compared.items():
        printed = gain(study, variant, baseline)
        shown = "not printed" if printed is None else f"{printed:+.2f}"
        ours, p = points(comparison.difference.mean, sign=True), p_text(comparison.p or 1.0)
        lines.append(f"| {variant} | {shown} | {ours} | {p} | {judged(printed, comparison)} |")
    return lines


def differences(study: Study, results: Path) -> dict[str, dict[int, float]]:
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    with results.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scores[row["variant"]][int(row["seed"])] = float(row["accuracy"])
    first, *others = study.variants
    return {name: {seed: scores[name][seed] - scores[first][seed] for seed in scores[name]} for name in others}


def gain(study: Study, variant: str, baseline: str) -> float | None:
    """Return how much lower the paper's top-1 error of a variant is, from the first table that has both."""
    tables: dict[str, dict[str, float]] = defaultdict(dict)
    for row in study.published:
        if row.figure == "top-1 error, %":
            tables[row.source][row.variant] = row.value
    return next((t[baseline] - t[variant] for t in tables.values() if variant in t and baseline in t), None)


def judged(printed: float | None, comparison: Comparison) -> str:
    found = outcome(comparison)
    if printed is None:
        return "-"
    if found not in ("better", "worse"):
        return "cannot be told"
    return "reproduced" if (found == "better") == (printed > 0) else "not reproduced: the other way round"
