"""The forest plot: each variant's differences to the baseline, paired by seed."""

from textwrap import wrap
from typing import Any, Literal

import altair as alt

from senet.page.figure import INK, MUTED, SURFACE, Figure, inline_data, layered_figure, rounded_tooltip, variant_colour
from senet.study.report.figure_parts import interval_bars, variant_names
from senet.study.report.words import interval_text, p_text, points
from senet.study.summary import Summary, VariantRow
from senet.utils.text import printable, true_minus

_LINE = 16  # pixels
_BELOW = 58  # pixels under a row's name: its interval and its seeds
_WIDEST = 36  # characters of a name in one line, which a telephone has room for


def forest_plots(summary: Summary) -> list[Figure]:
    """Return the forest plot, or nothing where no seed is paired."""
    rows = _mean_rows(summary.rows)
    return [_forest(summary, rows)] if rows else []


def _forest(summary: Summary, rows: list[dict[str, Any]]) -> Figure:
    baseline, variants = printable(summary.rows[0].variant), variant_names(summary.rows)
    # Names stand over their rows, not beside an axis, where long ones would leave a telephone no room to draw in.
    above = _LINE * max(row["name"].count("\n") + 1 for row in rows)
    height, down = above + _BELOW, above / 2
    base = alt.Chart(inline_data(rows)).encode(
        y=alt.Y("variant:N", sort=variants[1:], axis=None), color=variant_colour(variants)
    )
    title = f"Test accuracy minus {baseline}, points"
    at = alt.X("difference:Q", title=title, axis=alt.Axis(tickCount=6, labelOverlap="greedy"))
    tips = ["variant:N", rounded_tooltip("difference")]
    seeds = base.mark_circle(size=46, opacity=0.6, yOffset=down + 15).encode(x=at, tooltip=[*tips, "seed:O"])
    means = base.mark_point(
        shape="diamond", filled=True, size=150, opacity=1, stroke=SURFACE, strokeWidth=1.5, yOffset=down - 3
    )
    layers = [
        alt.Chart(inline_data([{"zero": 0}])).mark_rule(stroke=MUTED, strokeDash=[4, 3]).encode(x="zero:Q"),
        seeds.properties(data=inline_data(_seed_rows(summary))),
        *interval_bars(base.mark_rule(strokeWidth=3, yOffset=down - 3).encode(x="low:Q", x2="high:Q"), rows),
        means.encode(x=at, tooltip=[*tips, "interval:N", "p:N"]),
        *_written(base.encode(x=alt.value(4), text="name:N"), "left", height),
        *_written(base.encode(x=alt.value("width"), text="label:N"), "right", height),
    ]
    caption = "A point per seed; the diamond is their mean, the line its 95% interval."
    figure_title = f"Difference to {baseline}, paired by seed"
    return layered_figure("paired-differences", figure_title, caption, layers, height=height * len(rows))


def _written(chart: alt.Chart, align: Literal["left", "right"], height: float) -> list[alt.Chart]:
    """Write text at the top of each row: a halo that clears the lines behind it, then its ink."""
    dy = 5 - height / 2
    base = chart.mark_text(
        align=align, baseline="top", dy=dy, fontSize=12, fontWeight=600, lineBreak="\n", lineHeight=_LINE, fill=INK
    )
    halo = chart.mark_text(
        align=align,
        baseline="top",
        dy=dy,
        fontSize=12,
        fontWeight=600,
        lineBreak="\n",
        lineHeight=_LINE,
        fill=SURFACE,
        stroke=SURFACE,
        strokeWidth=5,
    )
    return [halo, base]


def _seed_rows(summary: Summary) -> list[dict[str, Any]]:
    """Return each trial's accuracy less that of the baseline's trial of the same seed."""
    baseline = summary.rows[0].variant
    base = {trial.seed: trial.accuracy for trial in summary.trials if trial.variant == baseline}
    return [
        {"variant": printable(trial.variant), "seed": trial.seed, "difference": trial.accuracy - base[trial.seed]}
        for trial in summary.trials
        if trial.variant != baseline and trial.seed in base
    ]


def _mean_rows(rows: tuple[VariantRow, ...]) -> list[dict[str, Any]]:
    return [
        {
            "variant": printable(row.variant),
            "name": "\n".join(wrap(printable(row.variant), _WIDEST)),
            "difference": row.comparison.difference.mean,
            "low": row.comparison.difference.low,
            "high": row.comparison.difference.high,
            "interval": true_minus(interval_text(row.comparison.difference, row.comparison.p)),
            "p": "n/a" if row.comparison.p is None else p_text(row.comparison.p),
            "label": true_minus(points(row.comparison.difference.mean, sign=True)),
        }
        for row in rows
        if row.comparison and row.comparison.pairs
    ]
