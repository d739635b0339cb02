"""The report's figures, as Vega-Lite specifications built with Altair."""

from typing import Any

import altair as alt

from senet.page.figure import Figure
from senet.page.figure_style import INK, MUTED, SURFACE, colour, dash, specification
from senet.study.summary import Row, Summary
from senet.study.words import interval_text, p_text, plain, points

_COSTS = (
    ("multiply_adds", "multiply-adds", "~s"),
    ("parameters", "parameters", "~s"),
    ("latency_ms", "latency, ms", "~g"),
)
_LOGARITHMIC = 20.0  # from this ratio of dearest to cheapest variant on


def figures(summary: Summary) -> list[Figure]:
    """Return the figures that the study's numbers allow."""
    drawn = []
    if _mean_rows(summary.rows):
        drawn.append(_paired_differences(summary))
    if any(trial.validation for trial in summary.trials):
        drawn.append(_learning_curves(summary))
    for field, title, unit in _COSTS:
        if any(getattr(row, field) is not None and row.n for row in summary.rows):
            drawn.append(_cost(summary.rows, field, title, unit))
    return drawn


def _learning_curves(summary: Summary) -> Figure:
    rows = [
        {"variant": plain(trial.variant), "seed": trial.seed, "epoch": epoch, "accuracy": accuracy}
        for trial in summary.trials
        for epoch, accuracy in enumerate(trial.validation, start=1)
    ]
    names = _names(summary.rows)
    scale, title = alt.Scale(zero=False), "Validation accuracy, %"
    axis = alt.Axis(grid=False, tickMinStep=1, format="d")
    x = alt.X("epoch:Q", title="Epoch", scale=alt.Scale(zero=False, nice=False), axis=axis)
    base = alt.Chart().encode(x=x, color=colour(names), strokeDash=dash(names))
    seeds = base.mark_line(strokeWidth=1, opacity=0.3).encode(
        y=alt.Y("accuracy:Q", title=title, scale=scale),
        detail="seed:N",
        tooltip=["variant:N", "seed:O", "epoch:Q", alt.Tooltip("accuracy:Q", format=".2f")],
    )
    means = base.mark_line(strokeWidth=2.75).encode(y=alt.Y("mean(accuracy):Q", title=title, scale=scale))
    chart = alt.layer(seeds, means, data=_data(rows)).properties(height=340)
    caption = (
        "A thin line per seed, a bold one for the variant's mean. Validation chooses which weights are saved; "
        "the score is the last epoch's on the test split."
    )
    return Figure("learning-curves", "Learning curves", caption, True, specification(chart, "Learning curves"))


def _paired_differences(summary: Summary) -> Figure:
    baseline, names = plain(summary.rows[0].variant), _names(summary.rows)
    rows = _mean_rows(summary.rows)
    axis = alt.Axis(domain=False, ticks=False, labelColor=INK)
    y = alt.Y("variant:N", title=None, sort=names[1:], axis=axis)
    base = alt.Chart(_data(rows)).encode(y=y, color=colour(names))
    at = alt.X("difference:Q", title=f"Test accuracy minus {baseline}, points", axis=alt.Axis(tickCount=8))
    tips = ["variant:N", _points("difference:Q")]
    seeds = base.mark_circle(size=46, opacity=0.45, yOffset=16).encode(x=at, tooltip=[*tips, "seed:O"])
    means = base.mark_point(shape="diamond", filled=True, size=150, opacity=1, stroke=SURFACE, strokeWidth=1.5)
    text = alt.Chart(_data(rows)).encode(y=y, x=at, text="label:N")
    layers = [
        alt.Chart(_data([{"zero": 0}])).mark_rule(stroke=MUTED, strokeDash=[4, 3]).encode(x="zero:Q"),
        seeds.properties(data=_data(_seed_rows(summary))),
        *_bars(base.mark_rule(strokeWidth=3).encode(x="low:Q", x2="high:Q"), rows),
        means.encode(x=at, tooltip=[*tips, "interval:N", "p:N"]),
        # Twice: a halo that clears the lines behind the text, then its ink.
        text.mark_text(dy=-16, fontSize=12, fontWeight=600, stroke=SURFACE, strokeWidth=5),
        text.mark_text(dy=-16, fontSize=12, fontWeight=600, fill=INK),
    ]
    spec = specification(alt.layer(*layers).properties(height=64 * len(rows)), f"Difference to {baseline}")
    caption = "A point per seed; the diamond is their mean, the line its 95% interval."
    return Figure("paired-differences", f"Difference to {baseline}, paired by seed", caption, False, spec)


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


def _cost(rows: tuple[Row, ...], field: str, title: str, unit: str) -> Figure:
    values = [_cost_value(row, field) for row in rows if getattr(row, field) is not None and row.n]
    costs = [value["cost"] for value in values]
    logarithmic = min(costs) > 0 and max(costs) / min(costs) >= _LOGARITHMIC
    scale = alt.Scale(type="log" if logarithmic else "linear", zero=False, padding=24)
    axis = alt.Axis(format=unit, tickCount=5, grid=False)
    base = alt.Chart().encode(x=alt.X("cost:Q", title=title.capitalize(), scale=scale, axis=axis))
    base = base.encode(color=colour(_names(rows)))
    low = alt.Y("low:Q", title="Test accuracy, %", scale=alt.Scale(zero=False))
    bars = _bars(base.mark_rule(strokeWidth=2, opacity=0.55).encode(y=low, y2="high:Q"), values)
    tip = ["variant:N", alt.Tooltip("cost:Q", title=title, format=","), _points("accuracy:Q"), "interval:N"]
    mean = alt.Y("accuracy:Q", title="Test accuracy, %", scale=alt.Scale(zero=False))
    marks = base.mark_circle(size=130, opacity=1).encode(y=mean, tooltip=tip).properties(data=_data(values))
    name = f"Accuracy against {title}"
    spec = specification(alt.layer(*bars, marks).properties(height=260), name)
    return Figure(f"cost-{field.replace('_', '-')}", name, "Mean test accuracy and its 95% interval.", True, spec)


def _cost_value(row: Row, field: str) -> dict[str, Any]:
    return {
        "variant": plain(row.variant),
        "cost": getattr(row, field),
        "accuracy": row.accuracy.mean,
        "low": row.accuracy.low,
        "high": row.accuracy.high,
        "interval": interval_text(row.accuracy),
    }


def _data(values: list[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=values)


def _bars(chart: alt.Chart, values: list[dict[str, Any]]) -> list[alt.Chart]:
    """Give the chart the values that have an interval: a bar without ends would be drawn from zero."""
    bounded = [value for value in values if value["low"] is not None]
    return [chart.properties(data=_data(bounded))] if bounded else []


def _names(rows: tuple[Row, ...]) -> list[str]:
    return [plain(row.variant) for row in rows]


def _points(field: str) -> alt.Tooltip:
    return alt.Tooltip(field, format=".2f")
