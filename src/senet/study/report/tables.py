"""The tables of a study as values: as they are shown, and as numbers in full."""

import math

from senet.study.report.export import ExportTable, csv_text, latex, markdown
from senet.study.report.words import interval_text, latency_text, mark_uncounted, p_text, points, seconds_text
from senet.study.statistics.verdict import outcome
from senet.study.summary import Interval, Summary, TrialResult, VariantRow

_SHOWN = ("Seeds", "Test accuracy, %", "Difference, points", "p", "Parameters", "Multiply-adds", "Latency", "Training")
_NUMBERS = (
    *("variant", "outcome", "seeds", "accuracy", "accuracy_low", "accuracy_high"),
    *("difference", "difference_low", "difference_high", "p", "pairs"),
    *("parameters", "multiply_adds", "latency_ms", "train_seconds"),
)


def results_shown(summary: Summary) -> ExportTable:
    """Return the table of variants as people read it."""
    return ExportTable(("Variant", *_SHOWN), tuple(_shown(row) for row in summary.rows))


def results_numbers(summary: Summary) -> ExportTable:
    """Return the table of variants as numbers: accuracies in percent, differences in points."""
    rows = tuple(_numbers(row) for row in summary.rows)
    if any(row.uncounted for row in summary.rows):
        return ExportTable(
            (*_NUMBERS, "not_counted"),
            tuple((*line, r.uncounted) for line, r in zip(rows, summary.rows, strict=True)),
            2,
        )
    return ExportTable(_NUMBERS, rows, names=2)


def trials_shown(summary: Summary) -> ExportTable:
    """Return the finished trials as people read them."""
    headings = ("Variant", "Key", "Seed", "Test accuracy, %", "Best validation, %", "Best epoch", "Training")
    return ExportTable(headings, tuple(_trial_shown(trial) for trial in summary.trials), names=2)


def trials_numbers(summary: Summary) -> ExportTable:
    """Return the finished trials as numbers."""
    headings = ("variant", "key", "seed", "accuracy", "best_validation", "best_epoch", "epochs", "train_seconds")
    rows = tuple(
        (t.variant, t.key, t.seed, t.accuracy, t.best_validation, t.best_epoch, len(t.validation), t.seconds)
        for t in summary.trials
    )
    return ExportTable(headings, rows, names=2)


def export_texts(shown: ExportTable, numbers: ExportTable) -> list[tuple[str, str]]:
    """Return a table in each format that the report offers."""
    return [("Markdown", markdown(shown)), ("LaTeX", latex(shown)), ("CSV", csv_text(numbers))]


def _shown(row: VariantRow) -> tuple[str | int, ...]:
    compared = row.comparison
    p = compared.p if compared else None
    return (
        *(row.variant, row.n, _with_interval(row.accuracy)),
        _with_interval(compared.difference, p, sign=True) if compared else "baseline",
        "–" if p is None else p_text(p),
        *(
            f"{row.parameters:,}",
            mark_uncounted(f"{row.multiply_adds:,}", row.uncounted),
            latency_text(row.latency_ms),
            seconds_text(row.train_seconds),
        ),
    )


def _with_interval(interval: Interval, p: float | None = None, *, sign: bool = False) -> str:
    return f"{points(interval.mean, sign=sign)} {interval_text(interval, p)}"


def _numbers(row: VariantRow) -> tuple[str | float | None, ...]:
    compared = row.comparison
    difference = compared.difference if compared else Interval(math.nan, None, None)
    return (
        *(row.variant, outcome(compared) if compared else "baseline", row.n),
        *(row.accuracy.mean, row.accuracy.low, row.accuracy.high),
        *(difference.mean, difference.low, difference.high),
        *((compared.p, compared.pairs) if compared else (None, None)),
        *(row.parameters, row.multiply_adds, row.latency_ms, row.train_seconds),
    )


def _trial_shown(trial: TrialResult) -> tuple[str | int, ...]:
    best_epoch = f"{trial.best_epoch} of {len(trial.validation)}"
    return (
        *(trial.variant, trial.key, trial.seed, points(trial.accuracy), points(trial.best_validation), best_epoch),
        seconds_text(trial.seconds),
    )
