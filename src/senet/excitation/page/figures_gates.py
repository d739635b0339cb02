"""All gates of a network beside one another: how class-specific, how saturated, and what size does to their choice."""

import math
from typing import Any

import altair as alt

from senet.excitation.page.report_words import interval, short
from senet.excitation.summary import Estimate, Excitation
from senet.page.figure import COLOURS, SURFACE, Figure, inline_data, layered_figure, rounded_tooltip, variant_colour
from senet.utils.text import printable

_BLUE, _ORANGE = (f"var(--variant-{place}, {COLOURS[place]})" for place in (1, 2))
_TIPS: list[str | alt.Tooltip] = ["gate:N", "value:Q", "interval:N"]


def gate_strip(found: Excitation) -> list[Figure]:
    """Return specificity with its interval over the saturated share, gate by gate; nothing where no gate ran."""
    known = [(place, g) for place, g in enumerate(found.gates) if math.isfinite(g.specificity.value)]
    points = [
        {"place": place + 1, "gate": printable(gate.name), **_estimate(gate.specificity)} for place, gate in known
    ]
    shares = [
        {"place": place + 1, "gate": printable(gate.name), "value": gate.saturated}
        for place, gate in enumerate(found.gates)
        if math.isfinite(gate.saturated)
    ]
    if not points and not shares:
        return []
    x = gate_axis(len(found.gates))
    bars = alt.Chart(inline_data(shares)).mark_bar(color=_ORANGE, opacity=0.35, width={"band": 0.7})
    layers = [
        bars.encode(x=x, y=_share("value"), tooltip=["gate:N", rounded_tooltip("value", ".3f")]),
        *_dots(points, x),
    ]
    caption = (
        "Points: the share of a gate's variance over images that lies between classes, with its 95% interval. "
        "Bars: the share of its values within 1% of an end of its range."
    )
    return [layered_figure("strip", "Specificity and saturation, gate by gate", caption, layers, height=280)]


def gate_axis(gates: int) -> alt.X:
    """Return the axis of the field ``place``, from 1: gates in the order in which they run, by number."""
    axis = alt.Axis(grid=False, labelAngle=0, labelOverlap=True)
    order = list(range(1, gates + 1))
    return alt.X("place:O", title="Gate, in the order in which they run", axis=axis, scale=alt.Scale(domain=order))


def _dots(points: list[dict[str, Any]], x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(inline_data(points)).encode(x=x, tooltip=_TIPS)
    bounded = [point for point in points if math.isfinite(point["low"] + point["high"])]
    rule = base.mark_rule(strokeWidth=2.5, color=_BLUE).encode(y=_share("low"), y2="high:Q")
    dots = base.mark_circle(size=90, opacity=1, stroke=SURFACE, strokeWidth=1.5, color=_BLUE).encode(y=_share("value"))
    return [*([rule.properties(data=inline_data(bounded))] if bounded else []), dots]


def _share(field: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title="Share", scale=alt.Scale(domainMax=1))


def preference_figure(found: Excitation) -> list[Figure]:
    """Return how selective kernels choose as what is seen grows: figures 3 and 4 of arXiv 1903.06586."""
    seen = [p for p in found.preferences if math.isfinite(p.difference.value)]
    if not seen:
        return []
    names, variants = list(dict.fromkeys(printable(p.name) for p in seen)), scale_labels(found)
    called = dict(zip(names, short(names), strict=True))
    values = [{"gate": called[printable(p.name)], "variant": _scale(p.scale), **_estimate(p.difference)} for p in seen]
    caption = (
        "Weight of the last branch, whose kernel is the largest, less that of the first, mean over channels and "
        "images, with a 95% interval. 1x is the image as it is; the others are its centre, enlarged."
    )
    title = "What a selective kernel prefers as objects grow"
    return [
        layered_figure(
            "preferences",
            title,
            caption,
            _preference_layers(values, [*called.values()], variants),
            height=320,
            legend=True,
        )
    ]


def _preference_layers(values: list[dict[str, Any]], names: list[str], variants: list[str]) -> list[alt.Chart]:
    axis = alt.Axis(grid=False, labelAngle=0 if len(names) <= 6 else -40, labelLimit=140)
    x = alt.X("gate:N", title=None, sort=names, axis=axis, scale=alt.Scale(paddingInner=0.3))
    offset = alt.XOffset("variant:N", sort=variants, scale=alt.Scale(padding=0.4))
    y, low = (alt.Y(f"{f}:Q", title="Last branch less first", scale=alt.Scale(zero=False)) for f in ("value", "low"))
    base = alt.Chart(inline_data(values)).encode(
        x=x, xOffset=offset, color=variant_colour(variants), tooltip=["variant:N", *_TIPS]
    )
    bounded = [value for value in values if math.isfinite(value["low"] + value["high"])]
    rule = base.mark_rule(strokeWidth=2.5).encode(y=low, y2="high:Q").properties(data=inline_data(bounded))
    return [*([rule] if bounded else []), base.mark_circle(size=90, opacity=1).encode(y=y)]


def scale_labels(found: Excitation) -> list[str]:
    """Return the scales of the preferences, smallest first, in the order of their colours."""
    return [_scale(scale) for scale in sorted({p.scale for p in found.preferences})]


def _scale(scale: float) -> str:
    return f"{scale:g}x"


def _estimate(value: Estimate) -> dict[str, Any]:
    return {"value": value.value, "low": value.low, "high": value.high, "interval": interval(value)}
