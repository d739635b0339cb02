"""Learning curves: a variant's mean over its seeds, in a band from the lowest seed to the highest."""

import math
from typing import Any

import altair as alt

from senet.page.figure import Figure
from senet.page.figure_style import colour, dash, specification
from senet.study.figure_parts import data, names, two_decimals
from senet.study.summary import Row, Summary
from senet.text import plain

_TOGETHER = 3  # bands of more variants than these hide one another
_BANDS = "The line is the mean over seeds; the band goes from the lowest seed to the highest."
_MEANS = "Each line is the mean over seeds; the figures that follow show the seeds' range."
_SCORE = "Validation chooses which weights are saved; the score is the last epoch's on the test split."

Values = list[dict[str, Any]]
Layers = alt.LayerChart | alt.FacetChart


def learning_curves(summary: Summary) -> list[Figure]:
    """Return all variants in one figure and, where there are many, each beside the baseline in one of its own."""
    values = {plain(row.variant): _epochs(row, summary) for row in summary.rows}
    values = {variant: own for variant, own in values.items() if own}
    variants = names(summary.rows)
    if not values:
        return []
    together = len(values) <= _TOGETHER
    caption = f"{_BANDS if together else _MEANS} {_SCORE}"
    everything = [value for own in values.values() for value in own]
    chart = _chart(variants, everything, everything if together else []).properties(height=340)
    whole = Figure("learning-curves", "Learning curves", caption, True, specification(chart, "Learning curves"))
    return [whole, *([] if together else _each(variants, values))]


def _each(variants: list[str], values: dict[str, Values]) -> list[Figure]:
    """Draw each variant over the baseline, all on one scale so that they can be compared."""
    bounds = [value[end] for own in values.values() for value in own for end in ("low", "high")]
    scale = alt.Scale(zero=False, domain=[min(bounds), max(bounds)])
    drawn = []
    for index, variant in enumerate(variants[1:], start=1):
        if variant in values:
            shown = values.get(variants[0], []) + values[variant]
            chart = _chart(variants, shown, shown, scale).properties(height=200)
            title = f"{variant} beside {variants[0]}"
            caption = f"{_BANDS} {variants[0]} is grey."
            drawn.append(Figure(f"learning-curve-{index}", title, caption, False, specification(chart, title)))
    return drawn


def _chart(variants: list[str], lines: Values, bands: Values, scale: alt.Scale | None = None) -> Layers:
    scale = scale or alt.Scale(zero=False)
    axis = alt.Axis(grid=False, tickMinStep=1, format="d", labelFlush=False)
    x = alt.X("epoch:Q", title="Epoch", scale=alt.Scale(zero=False, nice=False), axis=axis)
    y = alt.Y("accuracy:Q", title="Validation accuracy, %", scale=scale)
    base = alt.Chart().encode(x=x, color=colour(variants), detail="variant:N")
    tips = ["variant:N", "epoch:Q", *map(two_decimals, ("accuracy:Q", "low:Q", "high:Q")), "seeds:Q"]
    low = alt.Y("low:Q", title="Validation accuracy, %", scale=scale)
    band = base.mark_area(opacity=0.2).encode(y=low, y2="high:Q").properties(data=data(bands))
    line = base.mark_line(strokeWidth=2.25).encode(y=y, strokeDash=dash(variants), tooltip=tips)
    return alt.layer(*([band] if bands else []), line.properties(data=data(lines)))


def _epochs(row: Row, summary: Summary) -> Values:
    curves = [trial.validation for trial in summary.trials if trial.variant == row.variant]
    seen = [
        [curve[epoch] for curve in curves if epoch < len(curve) and math.isfinite(curve[epoch])]
        for epoch in range(max(map(len, curves), default=0))
    ]
    return [
        {
            "variant": plain(row.variant),
            "epoch": epoch,
            "accuracy": sum(values) / len(values),
            "low": min(values),
            "high": max(values),
            "seeds": len(values),
        }
        for epoch, values in enumerate(seen, start=1)
        if values
    ]
