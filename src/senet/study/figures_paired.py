"""The forest plot: each variant's differences to the baseline, paired by seed."""

from typing import Any

import altair as alt

from senet.page.figure import INK, MUTED, SURFACE, Figure, colour, data, drawn, rounded
from senet.study.figure_parts import bars, names
from senet.study.summary import Row, Summary
from senet.study.words import interval_text, p_text, points
from senet.text import plain


def paired_differences(summary: Summary) -> list[Figure]:
    """Return the forest plot, or nothing where no seed is paired."""
    rows = _mean_rows(summary.rows)
    return [_forest(summary, rows)] if rows else []


def _forest(summary: Summary, rows: list[dict[str, Any]]) -> Figure:
    baseline, variants = plain(summary.rows[0].variant), names(summary.rows)
    axis = alt.Axis(domain=False, ticks=False, labelColor=INK, labelLimit=220)
    y = alt.Y("variant:N", title=None, sort=variants[1:], axis=axis)
    base = alt.Chart(data(rows)).encode(y=y, color=colour(variants))
    at = alt.X("difference:Q", title=f"Test accuracy minus {baseline}, points", axis=alt.Axis(tickCount=8))
    tips = ["variant:N", rounded("difference")]
    seeds = base.mark_circle(size=46, opacity=0.45, yOffset=16).encode(x=at, tooltip=[*tips, "seed:O"])
    means = base.mark_point(shape="diamond", filled=True, size=150, opacity=1, stroke=SURFACE, strokeWidth=1.5)
    text = alt.Chart(data(rows)).encode(y=y, x=at, text="label:N")
    layers = [
        alt.Chart(data([{"zero": 0}])).mark_rule(stroke=MUTED, strokeDash=[4, 3]).encode(x="zero:Q"),
        seeds.properties(data=data(_seed_rows(summary))),
        *bars(base.mark_rule(strokeWidth=3).encode(x="low:Q", x2="high:Q"), rows),
        means.encode(x=at, tooltip=[*tips, "interval:N", "p:N"]),
        # Twice: a halo that clears the lines behind the text, then its ink.
        text.mark_text(dy=-16, fontSize=12, fontWeight=600, stroke=SURFACE, strokeWidth=5),
        text.mark_text(dy=-16, fontSize=12, fontWeight=600, fill=INK),
    ]
    title = f"Difference to {baseline}, paired by seed"
    caption = "A point per seed; the diamond is their mean, the line its 95% interval."
    return drawn("paired-differences", title, caption, layers, height=64 * len(rows))


def _seed_rows(summary: Summary) -> list[dict[str, Any]]:
    """Return each trial's accuracy less that of the baseline's trial of the same seed."""
    baseline = summary.rows[0].variant
    base = {trial.seed: trial.accuracy for trial in summary.trials if trial.variant == baseline}
    return [
        {"variant": plain(trial.variant), "seed": trial.seed, "difference": trial.accuracy - base[trial.seed]}
        for trial in summary.trials
        if trial.variant != baseline and trial.seed in base
    ]


def _mean_rows(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    return [
        {
            "variant": plain(row.variant),
            "difference": row.comparison.difference.mean,
            "low": row.comparison.difference.low,
            "high": row.comparison.difference.high,
            "interval": interval_text(row.comparison.difference, row.comparison.p),
            "p": "n/a" if row.comparison.p is None else p_text(row.comparison.p),
            "label": points(row.comparison.difference.mean, sign=True),
        }
        for row in rows
        if row.comparison and row.comparison.pairs
    ]
