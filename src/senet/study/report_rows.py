"""The lines of the report's tables. Places in them are numbers: a name may be anything, an anchor may not."""

import math
from typing import Any

from senet.page.figure_style import COLOURS
from senet.study.sheets import best_validation, latency_text
from senet.study.summary import Row, Summary, TrialResult
from senet.study.verdict import outcome, verdict
from senet.study.words import interval_text, p_text, points, seconds_text


def verdict_lines(summary: Summary) -> list[tuple[str, str, int | None]]:
    """Return each sentence, its outcome and its variant's place; empty and None for sentences of another kind."""
    compared = {row.variant: (place, row.comparison) for place, row in enumerate(summary.rows) if row.comparison}
    known = {
        verdict(name, summary.rows[0].variant, c, variants=len(compared)): (outcome(c), place)
        for name, (place, c) in compared.items()
    }
    return [(sentence, *known.get(sentence, ("", None))) for sentence in summary.verdicts]


def result_line(row: Row, place: int) -> dict[str, Any]:
    """Return one line of the table of variants."""
    compared = row.comparison
    return {
        "place": place,
        "colour": place % len(COLOURS),
        "again": " again" if place >= len(COLOURS) else "",
        "variant": row.variant,
        "n": row.n,
        "accuracy": points(row.accuracy.mean),
        "accuracy_interval": interval_text(row.accuracy),
        "difference": points(compared.difference.mean, sign=True) if compared else "",
        "interval": interval_text(compared.difference, compared.p) if compared else "",
        "p": p_text(compared.p) if compared and compared.p is not None else "–",
        "outcome": outcome(compared) if compared else "",
        "parameters": f"{row.parameters:,}",
        "multiply_adds": f"{row.multiply_adds:,}",
        "latency": latency_text(row),
        "seconds": seconds_text(row.train_seconds),
        "sorted_by": _sorted_by(row),
    }


def _sorted_by(row: Row) -> dict[str, str]:
    """Return the numbers that a column is sorted by; the baseline differs from itself by nothing."""
    compared = row.comparison
    return {
        "accuracy": _value(row.accuracy.mean),
        "difference": _value(compared.difference.mean if compared else 0.0),
        "p": _value(compared.p if compared else None),
        "latency": _value(row.latency_ms),
        "seconds": _value(row.train_seconds),
    }


def trial_lines(summary: Summary) -> list[dict[str, Any]]:
    """Return the finished trials, those of a variant together; the first of each variant says so."""
    places = {row.variant: place for place, row in enumerate(summary.rows)}
    trials = sorted(summary.trials, key=lambda trial: places.get(trial.variant, len(places)))
    seen: set[str] = set()
    lines = []
    for trial in trials:
        lines.append(_trial(trial, places.get(trial.variant), trial.variant not in seen))
        seen.add(trial.variant)
    return lines


def _trial(trial: TrialResult, place: int | None, first: bool) -> dict[str, Any]:
    best = best_validation(trial)
    return {
        "place": place,
        "first": first,
        "variant": trial.variant,
        "seed": trial.seed,
        "accuracy": points(trial.accuracy),
        "validation": "n/a" if best is None else points(best),
        "best_epoch": trial.best_epoch,
        "epochs": len(trial.validation),
        "seconds": seconds_text(trial.seconds),
        "key": trial.key,
        "sorted_by": {
            "accuracy": _value(trial.accuracy),
            "validation": _value(best),
            "seconds": _value(trial.seconds),
        },
    }


def progress(summary: Summary) -> str:
    """Return how much of an unfinished study is there, empty where every trial has run."""
    kinds = [trial.kind for trial in summary.left_out]
    if "missing" not in kinds:
        return ""
    scoreless = kinds.count("failed") + kinds.count("diverged")
    planned = len(summary.trials) + kinds.count("missing") + scoreless
    also = f" {scoreless} more ran and gave no score." if scoreless else ""
    return f"{len(summary.trials)} of {planned} trials have finished; what follows is of those.{also}"


def _value(number: float | None) -> str:
    return "" if number is None or not math.isfinite(number) else repr(float(number))
