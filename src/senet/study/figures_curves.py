"""Learning curves: a variant's mean over its seeds, in a band from the lowest seed to the highest."""

import math
from itertools import zip_longest
from typing import Any

import altair as alt

from senet.page.figure import Figure, colour, dash, data, drawn, epochs, measured, rounded
from senet.study.figure_parts import names
from senet.study.summary import Row, Summary
from senet.text import plain

_TOGETHER = 3  # bands of more variants than these hide one another
_BANDS = "The line is the mean over seeds; the band goes from the lowest seed to the highest."
_MEANS = "Each line is the mean over seeds; the figures that follow show the seeds' range."
_SCORE = "Validation chooses which weights are saved; the score is the last epoch's on the test split."

Values = list[dict[str, Any]]


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
    layers = _layers(variants, everything, everything if together else [])
    whole = drawn("learning-curves", "Learning curves", caption, layers, height=340, legend=True)
    return [whole, *([] if together else _each(variants, values))]


def _each(variants: list[str], values: dict[str, Values]) -> list[Figure]:
    """Draw each variant over the baseline, all on one scale so that they can be compared."""
    bounds = [value[end] for own in values.values() for value in own for end in ("low", "high")]
    scale = alt.Scale(zero=False, domain=[min(bounds), max(bounds)])
    made = []
    for index, variant in enumerate(variants[1:], start=1):
        if variant in values:
            shown = values.get(variants[0], []) + values[variant]
            layers = _layers(variants, shown, shown, scale)
            title, caption = f"{variant} beside {variants[0]}", f"{_BANDS} {variants[0]} is grey."
            made.append(drawn(f"learning-curve-{index}", title, caption, layers, height=200))
    return made


def _layers(variants: list[str], lines: Values, bands: Values, scale: alt.Scale | None = None) -> list[alt.Chart]:
    mean, low = (measured(field, "Validation accuracy, %", scale) for field in ("accuracy", "low"))
    base = alt.Chart().encode(x=epochs(), color=colour(variants), detail="variant:N")
    tips = ["variant:N", "epoch:Q", *map(rounded, ("accuracy", "low", "high")), "seeds:Q"]
    band = base.mark_area(opacity=0.2).encode(y=low, y2="high:Q").properties(data=data(bands))
    line = base.mark_line(strokeWidth=2.25).encode(y=mean, strokeDash=dash(variants), tooltip=tips)
    return [*([band] if bands else []), line.properties(data=data(lines))]


def _epochs(row: Row, summary: Summary) -> Values:
    curves = [trial.validation for trial in summary.trials if trial.variant == row.variant]
    of_epochs = zip_longest(*curves, fillvalue=math.nan)
    seen = [[value for value in values if math.isfinite(value)] for values in of_epochs]
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
