"""Accuracy against what a variant costs, with the Pareto front."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import altair as alt

from senet.page.figure import (
    MUTED,
    SURFACE,
    Figure,
    inline_data,
    layered_figure,
    metric_axis,
    quantity_axis,
    rounded_tooltip,
    variant_colour,
)
from senet.study.report.figure_parts import ACCURACY, accuracy_values, interval_bars, variant_names
from senet.study.summary import VariantRow

_COSTS = (
    ("multiply_adds", "multiply-adds", "~s"),
    ("parameters", "parameters", "~s"),
    ("latency_ms", "latency, ms", "~f"),
)
_LOGARITHMIC = 20.0  # from this ratio of dearest to cheapest variant on
_CAPTION = (
    "Mean test accuracy and its 95% interval. The stepped line is the Pareto front of the means: filled points lie on "
    "it; hollow ones are dominated by a variant that costs no more and scores no less. Intervals are not considered."
)

Value = dict[str, Any]


def cost_figures(rows: tuple[VariantRow, ...]) -> list[Figure]:
    """Return a figure for each cost that was measured."""
    made = []
    for field, title, unit in _COSTS:
        costs = ((row, getattr(row, field)) for row in rows if row.n)
        values = [{**accuracy_values(row), "cost": cost} for row, cost in costs if cost is not None]
        if values:
            key, layers = f"cost-{field.replace('_', '-')}", _layers(values, variant_names(rows), title, unit)
            said = f"Accuracy against {title}{', as far as they are counted' if has_uncounted(field, rows) else ''}"
            made.append(layered_figure(key, said, _CAPTION, layers, height=260, legend=True))
    return made


def has_uncounted(field: str, rows: Sequence[VariantRow]) -> bool:
    """Return whether a variant costs more of it than is known."""
    return field == "multiply_adds" and any(row.uncounted for row in rows if row.n)


def pareto_front(values: Sequence[Value]) -> list[Value]:
    """Return the values that no other dominates, the cheapest first.

    One dominates another if it costs no more and scores no less, and is not equal in both.

    Args:
        values: Each with ``cost`` and ``accuracy``.
    """
    return sorted((value for value in values if not _dominated(value, values)), key=itemgetter("cost"))


def _dominated(value: Value, others: Sequence[Value]) -> bool:
    own = (value["cost"], value["accuracy"])
    rivals = ((other["cost"], other["accuracy"]) for other in others)
    return any(cost <= own[0] and accuracy >= own[1] and (cost, accuracy) != own for cost, accuracy in rivals)


def _layers(values: list[Value], variants: list[str], title: str, unit: str) -> list[alt.Chart]:
    scale = _scale([value["cost"] for value in values])
    x = alt.X("cost:Q", title=title.capitalize(), scale=scale, axis=quantity_axis(scale, unit))
    mean, low = (metric_axis(field, ACCURACY) for field in ("accuracy", "low"))
    base = alt.Chart().encode(x=x, color=variant_colour(variants))
    tip = ["variant:N", alt.Tooltip("cost:Q", title=title, format=","), rounded_tooltip("accuracy"), "interval:N"]
    front = pareto_front(values)
    beaten = [value for value in values if value not in front]
    hollow = base.mark_point(size=110, opacity=1, filled=False, fill=SURFACE, strokeWidth=2.5)
    return [
        *interval_bars(base.mark_rule(strokeWidth=2, opacity=0.55).encode(y=low, y2="high:Q"), values),
        _steps(front, values).encode(x=x, y=mean),
        *([hollow.encode(y=mean, tooltip=tip).properties(data=inline_data(beaten))] if beaten else []),
        base.mark_circle(size=130, opacity=1).encode(y=mean, tooltip=tip).properties(data=inline_data(front)),
    ]


def _steps(front: list[Value], values: list[Value]) -> alt.Chart:
    """Draw the front on to the dearest variant: what is not paid for more is still had."""
    ends = [*front, {**front[-1], "cost": max(value["cost"] for value in values)}]
    chart = alt.Chart(inline_data([{"cost": end["cost"], "accuracy": end["accuracy"]} for end in ends]))
    line: alt.Chart = chart.mark_line(interpolate="step-after", stroke=MUTED, strokeWidth=1.5, strokeDash=[5, 3])
    return line


def _scale(costs: list[float]) -> alt.Scale:
    logarithmic = min(costs) > 0 and max(costs) / min(costs) >= _LOGARITHMIC
    return alt.Scale(type="log" if logarithmic else "linear", zero=False, padding=24)
