"""The study as one page."""

from importlib.resources import files
from typing import Any

from senet.page.figure_style import COLOURS
from senet.page.page import flat
from senet.page.page import render as page
from senet.study.figures import figures
from senet.study.summary import Row, Summary, TrialResult
from senet.study.verdict import outcome, verdict
from senet.study.words import interval_text, p_text, points, seconds_text


def render(summary: Summary) -> str:
    """Return the page. It is to be written as UTF-8."""
    values = {
        "title": summary.title,
        "p_name": "p, corrected" if len(summary.rows) > 2 else "p",
        "verdicts": _verdicts(summary),
        "rows": [_row(row, index) for index, row in enumerate(summary.rows)],
        "trials": [_trial(trial) for trial in summary.trials],
        "particulars": [("Settings", flat(summary.settings)), ("Environment", flat(summary.environment))],
    }
    template = files("senet.study").joinpath("report.html.j2").read_text(encoding="utf-8")
    return page(template, values, figures(summary))


def _verdicts(summary: Summary) -> list[tuple[str, str]]:
    """Return each sentence with the outcome that colours it, empty for sentences of another kind."""
    compared = {row.variant: row.comparison for row in summary.rows if row.comparison}
    known = {
        verdict(name, summary.rows[0].variant, c, variants=len(compared)): outcome(c) for name, c in compared.items()
    }
    return [(sentence, known.get(sentence, "")) for sentence in summary.verdicts]


def _row(row: Row, index: int) -> dict[str, Any]:
    compared = row.comparison
    return {
        "colour": index % len(COLOURS),
        "again": " again" if index >= len(COLOURS) else "",
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
        "latency": "not timed" if row.latency_ms is None else f"{row.latency_ms:.3g} ms",
        "seconds": seconds_text(row.train_seconds),
    }


def _trial(trial: TrialResult) -> dict[str, Any]:
    best = trial.validation[trial.best_epoch - 1] if 0 < trial.best_epoch <= len(trial.validation) else None
    return {
        "variant": trial.variant,
        "seed": trial.seed,
        "accuracy": points(trial.accuracy),
        "validation": "n/a" if best is None else points(best),
        "best_epoch": trial.best_epoch,
        "epochs": len(trial.validation),
        "seconds": seconds_text(trial.seconds),
        "key": trial.key,
    }
