"""Hold a study's scores against the orderings that its paper printed: reproduced, not reproduced, cannot be told."""

import csv
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

from senet.study.named_studies import Study
from senet.study.report.words import p_text, points
from senet.study.statistics.paired import compare_with_baseline
from senet.study.statistics.verdict import outcome
from senet.study.summary import Comparison
from senet.utils.text import counted

Pair = tuple[str, str]


def reading(study: Study, folder: Path) -> list[str]:
    """Return every ordering that one of the paper's tables prints, with what ours say of it."""
    printed, scores = orderings(study), scores_of(folder / "results.csv")
    compared = compare_with_baseline({f"{a} over {b}": differences(scores, (a, b)) for a, b in printed})
    judgements = [judged(comparison) for comparison in compared.values()]
    tally = Counter(judgements)
    said = ", ".join(f"{tally[word]} {word}" for word in ("reproduced", "the other way round", "cannot be told"))
    lines = [
        f"Of {counted(len(printed), 'ordering')} that the paper's top-1 errors give: {said}. Its numbers are "
        "ImageNet's and enter no statistic here; our differences are paired by seed, and p is corrected for all rows "
        "of this table.",
        "",
        "| the paper's ordering | its gain, points | ours, points | p | |",
        "|---|---:|---:|---:|---|",
    ]
    for (pair, gain), comparison, judgement in zip(printed.items(), compared.values(), judgements, strict=True):
        ours, p = points(comparison.difference.mean, sign=True), p_text(comparison.p or 1.0)
        lines.append(f"| {pair[0]} over {pair[1]} | {gain:.2f} | {ours} | {p} | {judgement} |")
    return lines


def orderings(study: Study) -> dict[Pair, float]:
    """Return how much lower the first one's top-1 error is, for each pair that one table has; ties are left out."""
    tables: dict[str, dict[str, float]] = defaultdict(dict)
    for row in study.published:
        if row.figure == "top-1 error, %":
            tables[row.source][row.variant] = row.value
    found: dict[Pair, float] = {}
    for table in tables.values():
        for pair in combinations((name for name in study.variants if name in table), 2):
            better, worse = sorted(pair, key=lambda name: table[name])
            if table[better] < table[worse]:
                found.setdefault((better, worse), table[worse] - table[better])
    return found


def scores_of(results: Path) -> dict[str, dict[int, float]]:
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    with results.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scores[row["variant"]][int(row["seed"])] = float(row["accuracy"])
    return scores


def differences(scores: dict[str, dict[int, float]], pair: Pair) -> dict[int, float]:
    first, second = (scores[name] for name in pair)
    return {seed: first[seed] - second[seed] for seed in first if seed in second}


def judged(comparison: Comparison) -> str:
    words = {"better": "reproduced", "worse": "the other way round"}
    return words.get(outcome(comparison), "cannot be told")
