"""Learning curves: the means of all variants, and each variant's range over its seeds."""

import math
from itertools import zip_longest
from typing import Any

import altair as alt

from senet.page.figure import (
    Figure,
    epoch_axis,
    inline_data,
    layered_figure,
    metric_axis,
    rounded_tooltip,
    variant_colour,
    variant_dash,
)
from senet.study.report.figure_parts import variant_names
from senet.study.summary import Summary, VariantRow
from senet.utils.text import printable

_POINTS = 12  # epochs: of fewer each is a point too, of one there is no line
_PAIR = 2  # variants: one figure has room for the ranges of both
_MEANS = "Each line is the mean over seeds."
_RANGE = "Lines are means over seeds. The band spans the lowest to the highest seed; dashed lines, that of"
_SCORE = "Validation chooses which weights are saved; the score is the last epoch's on the test split."

Values = list[dict[str, Any]]


def learning_curves(summary: Summary) -> list[Figure]:
    """Return the means of all variants in one figure, without bands, which turn muddy together; of two, both."""
    by_variant, variants = _values(summary), variant_names(summary.rows)
    if len(by_variant) == len(variants) == _PAIR:
        return [_beside("learning-curves", variants[1], variants, by_variant)]
    values = [value for own in by_variant.values() for value in own]
    if not values:
        return []
    layers = [_means(_base(variants, values), variants, values)]
    return [
        layered_figure(
            "learning-curves",
            "Learning curves, means over seeds",
            f"{_MEANS} {_SCORE}",
            layers,
            height=340,
            legend=True,
        )
    ]


def variant_curves(summary: Summary) -> list[Figure]:
    """Return a figure for each variant, over the baseline; all on one scale so that they can be compared."""
    values, variants = _values(summary), variant_names(summary.rows)
    if len(variants) == _PAIR:
        return []
    return [
        _beside(f"learning-curve-{index}", variant, variants, values)
        for index, variant in enumerate(variants[1:], start=1)
        if variant in values
    ]


def _beside(key: str, variant: str, variants: list[str], values: dict[str, Values]) -> Figure:
    """Draw a variant and its range as a band, the baseline's as thin lines: two bands would hide one another."""
    own, baseline = values[variant], values.get(variants[0], [])
    bounds = [value[end] for curve in values.values() for value in curve for end in ("low", "high")]
    scale = alt.Scale(zero=False, domain=[min(bounds), max(bounds)])
    base = _base(variants, [*own, *baseline])
    low, high = (metric_axis(end, "Validation accuracy, %", scale) for end in ("low", "high"))
    edges = base.mark_line(strokeWidth=1, opacity=0.7, strokeDash=[3, 3])
    layers = [
        base.mark_area(opacity=0.22).encode(y=low, y2="high:Q").properties(data=inline_data(own)),
        *(edges.encode(y=end).properties(data=inline_data(baseline)) for end in ((low, high) if baseline else ())),
        _means(base, variants, [*baseline, *own], scale),
    ]
    title, caption = f"{variant} beside {variants[0]}", f"{_RANGE} {variants[0]}, which is grey."
    return layered_figure(key, title, caption, layers, height=200 if len(variants) > _PAIR else 340)


def _base(variants: list[str], values: Values) -> alt.Chart:
    last = max(value["epoch"] for value in values)
    base: alt.Chart = alt.Chart().encode(x=epoch_axis(last), color=variant_colour(variants), detail="variant:N")
    return base


def _means(base: alt.Chart, variants: list[str], values: Values, scale: alt.Scale | None = None) -> alt.Chart:
    tips = ["variant:N", "epoch:Q", *map(rounded_tooltip, ("accuracy", "low", "high")), "seeds:Q"]
    mean = metric_axis("accuracy", "Validation accuracy, %", scale)
    few = max(value["epoch"] for value in values) < _POINTS
    point = alt.OverlayMarkDef(size=36) if few else False
    line: alt.Chart = base.mark_line(strokeWidth=2.25, point=point).encode(
        y=mean, strokeDash=variant_dash(variants), tooltip=tips
    )
    return line.properties(data=inline_data(values))


def _values(summary: Summary) -> dict[str, Values]:
    values = {printable(row.variant): _epochs(row, summary) for row in summary.rows}
    return {variant: own for variant, own in values.items() if own}


def _epochs(row: VariantRow, summary: Summary) -> Values:
    curves = [trial.validation for trial in summary.trials if trial.variant == row.variant]
    of_epochs = zip_longest(*curves, fillvalue=math.nan)
    seen = [[value for value in values if math.isfinite(value)] for values in of_epochs]
    return [
        {
            "variant": printable(row.variant),
            "epoch": epoch,
            "accuracy": sum(values) / len(values),
            "low": min(values),
            "high": max(values),
            "seeds": len(values),
        }
        for epoch, values in enumerate(seen, start=1)
        if values
    ]
