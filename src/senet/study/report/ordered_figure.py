"""Accuracy over what a study varies in steps, such as reductions or stages, as the papers draw it."""

from typing import Any

import altair as alt

from senet.page.figure import (
    INK,
    MUTED,
    SURFACE,
    Figure,
    inline_data,
    layered_figure,
    metric_axis,
    rounded_tooltip,
    variant_colour,
)
from senet.study.report.figure_parts import ACCURACY, accuracy_values, interval_bars, variant_names
from senet.study.report.words import points
from senet.study.summary import Summary, VariantRow
from senet.utils.text import printable

_TIPS: list[str | alt.Tooltip] = ["variant:N", rounded_tooltip("accuracy"), "interval:N"]


def ordered_figure(summary: Summary) -> list[Figure]:
    """Return the curve, or nothing where the variants have no order or too few of them have a score."""
    finished = {row.variant: row for row in summary.rows if row.n}
    rows = [finished[variant] for variant in dict.fromkeys(summary.order) if variant in finished]
    if len(rows) < 2:
        return []
    labels, axis = step_labels([printable(row.variant) for row in rows])
    values = [{**accuracy_values(row), "step": labels[place], "place": place} for place, row in enumerate(rows)]
    baseline = finished.get(summary.rows[0].variant)
    layers = [*_baseline(baseline), *_curve(values, variant_names(summary.rows), axis)]
    title = f"Test accuracy over {axis}" if axis != "Variant" else "Test accuracy, variant by variant"
    return [layered_figure("ordered", title, _caption(baseline), layers, height=300)]


def step_labels(variants: list[str]) -> tuple[list[str], str]:
    """Return what tells the variants apart and, with an ellipsis in its place, what they share.

    ``SE(reduction=2), SE(reduction=16)`` become ``2, 16`` and ``SE(reduction=…)``. Names that share no part that
    ends at a bracket, an equals sign or a comma stay whole.
    """
    start = _shared(variants, "(=,")
    end = _shared([name[len(start) :][::-1] for name in variants], "),")[::-1]
    labels = [name[len(start) : len(name) - len(end)] for name in variants]
    return (labels, f"{start}…{end}") if start and all(labels) else (variants, "Variant")


def _shared(variants: list[str], ends: str) -> str:
    """Return the longest beginning of all that ends in one of the characters."""
    shortest = min(variants, key=len)
    same = next((i for i, c in enumerate(shortest) if any(name[i] != c for name in variants)), len(shortest))
    return shortest[: max(shortest[:same].rfind(end) for end in ends) + 1]


def _curve(values: list[dict[str, Any]], variants: list[str], title: str) -> list[alt.Chart]:
    axis = alt.Axis(grid=False, labelAngle=0, labelLimit=120, labelOverlap=True)
    x = alt.X("step:N", title=title, sort=[value["step"] for value in values], axis=axis, scale=alt.Scale(padding=0.5))
    mean, low = (metric_axis(field, ACCURACY) for field in ("accuracy", "low"))
    base = alt.Chart().encode(x=x)
    marks = base.mark_circle(size=130, opacity=1, stroke=SURFACE, strokeWidth=1.5)
    line = base.mark_line(stroke=INK, strokeWidth=2).encode(y=mean, order="place:Q")
    return [
        *interval_bars(
            base.mark_rule(strokeWidth=2.5).encode(y=low, y2="high:Q", color=variant_colour(variants)), values
        ),
        line.properties(data=inline_data(values)),
        marks.encode(y=mean, color=variant_colour(variants), tooltip=_TIPS).properties(data=inline_data(values)),
    ]


def _baseline(row: VariantRow | None) -> list[alt.Chart]:
    if row is None:
        return []
    base = alt.Chart(inline_data([accuracy_values(row)])).encode(y=metric_axis("accuracy", ACCURACY), tooltip=_TIPS)
    name = base.mark_text(align="right", baseline="bottom", dy=-5, fontSize=12, fill=MUTED)
    return [
        base.mark_rule(stroke=MUTED, strokeWidth=2, strokeDash=[6, 4]),
        name.encode(x=alt.value("width"), text="variant:N"),
    ]


def _caption(baseline: VariantRow | None) -> str:
    caption = "Mean test accuracy over seeds and its 95% interval, in the order of what the study varies."
    if baseline:
        caption += f" The dashed line is {printable(baseline.variant)}, {points(baseline.accuracy.mean)}%."
    return caption
