"""One gate's values by channel, as figures 6 and 7 of arXiv 1709.01507v4 draw them, and by position as a map."""

import math
from typing import Any

import altair as alt

from senet.excitation.page.report_words import labels
from senet.excitation.summary import Excitation, GateSummary, Numbers
from senet.page.figure import Figure, inline_data, layered_figure, rounded_tooltip, variant_colour, variant_dash
from senet.utils.text import printable

_WITHIN = 2
_TIPS: list[str | alt.Tooltip] = ["variant:N", "channel:Q", rounded_tooltip("value", ".4f")]


def class_profiles(found: Excitation, place: int) -> list[Figure]:
    """Return a gate's means by class and over all images; nothing for a gate over positions."""
    gate, names = found.gates[place], labels(found.groups)
    if gate.kind == "positions":
        return []
    values = [
        {**point, "variant": name}
        for name, profile in zip(names, gate.profiles, strict=True)
        for point in _points(gate, branch_difference(gate, profile.mean))
    ]
    if not values:
        return []
    x, y = _across(gate), _weight(gate, "value")
    line = alt.Chart(inline_data(values)).mark_line(strokeWidth=1.5, point={"size": 14})
    only = {value["variant"] for value in values}
    layer = line.encode(
        x=x, y=y, color=variant_colour(names, only), strokeDash=variant_dash(names, only), tooltip=_TIPS
    )
    title = f"{printable(gate.name)}: mean by class"
    return [layered_figure(_key("classes", place), title, _caption(gate), [layer], height=260, legend=True)]


def within_class_profile(found: Excitation, place: int) -> list[Figure]:
    """Return a gate's mean and deviation within the first two classes that have one; nothing where none has."""
    gate, names = found.gates[place], labels(found.groups)
    if gate.kind in ("positions", "branches"):
        return []  # The deviation of a difference of branches is in no profile.
    shown = [
        (name, points)
        for name, profile in list(zip(names, gate.profiles, strict=True))[1:]
        if (points := _points(gate, profile.mean, profile.deviation))
    ][:_WITHIN]
    values = [{**point, "variant": name} for name, points in shown for point in points]
    if not values:
        return []
    x, y = _across(gate), _weight(gate, "value")
    base = alt.Chart(inline_data(values)).encode(
        x=x, color=variant_colour(names, dict(shown)), tooltip=[*_TIPS, rounded_tooltip("deviation", ".4f")]
    )
    band = base.mark_area(opacity=0.18).encode(y=_weight(gate, "from"), y2="to:Q")
    layers = [band, base.mark_line(strokeWidth=1.5).encode(y=y)]
    title = f"{printable(gate.name)}: within a class"
    caption = f"Mean over a class's images, and one standard deviation to either side. {_caption(gate)}"
    return [layered_figure(_key("within", place), title, caption, layers, height=260, legend=True)]


def position_map(found: Excitation, place: int) -> list[Figure]:
    """Return the mean over all images of a gate over positions; nothing for other gates."""
    gate = found.gates[place]
    if gate.kind != "positions" or len(gate.shape) != 2 or not gate.profiles:
        return []
    across = gate.shape[1]
    values = [{"row": n // across, "column": n % across, "value": v} for n, v in enumerate(gate.profiles[0].mean)]
    band = alt.Axis(labels=False, ticks=False, domain=False)
    x, y = alt.X("column:O", title="Column", axis=band), alt.Y("row:O", title="Row", axis=band)
    scheme = alt.Color("value:Q", title="Mean", scale=alt.Scale(scheme="blues"))
    layer = (
        alt.Chart(inline_data(values))
        .mark_rect()
        .encode(x=x, y=y, color=scheme, tooltip=[rounded_tooltip("value", ".4f")])
    )
    caption = "Mean weight of each position over all images."
    return [layered_figure(_key("positions", place), f"{printable(gate.name)}: mean map", caption, [layer], height=480)]


def _points(gate: GateSummary, mean: tuple[float, ...], deviation: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    """Return the sampled channels that have a mean and, where one is asked for, a deviation."""
    points = []
    for channel in sampled_channels(channel_count(gate)) if mean else []:
        spread = deviation[channel] if deviation else 0.0
        if math.isfinite(mean[channel] + spread):
            ends = {"from": mean[channel] - spread, "to": mean[channel] + spread}
            points.append({"channel": channel, "value": mean[channel], "deviation": spread, **ends})
    return points


def _across(gate: GateSummary) -> alt.X:
    scale = alt.Scale(domain=[0, max(channel_count(gate) - 1, 1)], nice=False)
    return alt.X("channel:Q", title="Channel", scale=scale, axis=alt.Axis(grid=False, format="d", tickMinStep=1))


def _weight(gate: GateSummary, field: str) -> alt.Y:
    """Return the axis of weights, which spans the gate's range where it has one."""
    branches = gate.kind == "branches"
    ends = (gate.low - gate.high, gate.high - gate.low) if branches else (gate.low, gate.high)
    known = math.isfinite(ends[0] + ends[1])
    scale = alt.Scale(domain=list(ends), nice=False) if known else alt.Scale(zero=False)
    return alt.Y(f"{field}:Q", title="Last branch less first" if branches else "Weight", scale=scale)


def _caption(gate: GateSummary) -> str:
    channels = channel_count(gate)
    some = len(sampled_channels(channels))
    return f"{some} of {channels} channels, uniformly sampled." if some < channels else f"All {channels} channels."


def _key(what: str, place: int) -> str:
    return f"{what}-{place + 1:02d}"


SHOWN_CHANNELS = 50
"""As many channels as the paper's figures show."""


def sampled_channels(width: int, shown: int = SHOWN_CHANNELS) -> list[int]:
    """Return `shown` numbers below `width`, uniformly spaced from 0; all where there are no more."""
    return list(range(width)) if width <= shown else [place * width // shown for place in range(shown)]


def channel_count(gate: GateSummary) -> int:
    """Return how many channels a gate has; positions where it weighs those."""
    if gate.kind == "branches":
        return gate.shape[-1]
    count = 1
    for length in gate.shape:
        count *= length
    return count


def branch_difference(gate: GateSummary, mean: Numbers) -> Numbers:
    """Return the weights of channels; of branches, those of the last one less those of the first."""
    if gate.kind != "branches" or not mean:
        return mean
    channels = channel_count(gate)
    return tuple(last - first for first, last in zip(mean[:channels], mean[-channels:], strict=True))
