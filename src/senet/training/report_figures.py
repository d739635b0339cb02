"""The figures of a run's report."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from senet.page.figure import INK, Figure, colour, data, drawn, epochs, measured, rounded
from senet.training.records import Row
from senet.training.report_steps import Steps

NAMES = ["training", "validation"]
_LOSSES = (
    "Training: mean over the epoch's steps, of what the recipe trains on, mixing and smoothing included. "
    "Validation: cross entropy after the epoch."
)
_SCALES = "Of fp16: it is halved where a gradient overflows, and that step is left out."


def figures(rows: list[Row], steps: Steps) -> list[Figure]:
    """Return the figures that the run's numbers allow."""
    made = [_accuracy(rows), _losses(rows)] if rows else []
    points = [point for point in steps.points if point["loss"] is not None]
    if points:
        made.append(_line("step-loss", "Training loss by step", points, "loss", "Loss"))
        made.append(_line("learning-rate", "Learning rate", steps.points, "lr", "Learning rate"))
    if any(point["speed"] for point in steps.points):
        made.append(_line("speed", "Images per second", steps.points, "speed", "Images per second"))
    if steps.scales:
        made.append(_scales(steps))
    return made


def _accuracy(rows: list[Row]) -> Figure:
    best = max(rows, key=lambda row: row.validation_top1)
    values = [{"epoch": row.epoch, "accuracy": row.validation_top1} for row in rows]
    base = alt.Chart().encode(x=epochs(), y=measured("accuracy", "Validation accuracy, %"))
    line = base.mark_line(color=INK, point=len(rows) < 60).encode(tooltip=["epoch:Q", rounded("accuracy")])
    at_best = base.mark_point(shape="diamond", filled=True, size=150, color=INK)
    caption = f"The diamond is epoch {best.epoch}, the first of the highest accuracy; its weights are saved as best."
    layers = [line.properties(data=data(values)), at_best.properties(data=data([values[rows.index(best)]]))]
    return drawn("accuracy", "Validation accuracy", caption, layers, height=260)


def _losses(rows: list[Row]) -> Figure:
    values = [
        {"epoch": row.epoch, "loss": loss, "variant": name}
        for row in rows
        for name, loss in zip(NAMES, (row.loss, row.validation_loss), strict=True)
    ]
    line = alt.Chart(data(values)).mark_line(point=len(rows) < 60)
    tips = ["variant:N", "epoch:Q", rounded("loss", ".4f")]
    line = line.encode(x=epochs(), y=measured("loss", "Loss"), color=colour(NAMES), tooltip=tips)
    return drawn("losses", "Loss by epoch", _LOSSES, [line], height=260, legend=True)


def _line(key: str, title: str, values: Iterable[Mapping[str, Any]], field: str, axis: str) -> Figure:
    line = alt.Chart(data(values)).mark_line(color=INK, strokeWidth=1.5)
    line = line.encode(
        x=alt.X("step:Q", title="Step", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False)),
        y=alt.Y(f"{field}:Q", title=axis),
        tooltip=["step:Q", rounded(field, ".4g")],
    )
    return drawn(key, title, "Neighbouring steps are averaged where there are many.", [line], height=220)


def _scales(steps: Steps) -> Figure:
    values = [{**scale, "number": number} for number, scale in enumerate(steps.scales)]
    line = alt.Chart(data(values)).mark_line(color=INK, interpolate="step-after")
    line = line.encode(
        x=alt.X("number:Q", title="Change", axis=alt.Axis(grid=False)),
        y=alt.Y("scale:Q", title="Loss scale", scale=alt.Scale(type="log", base=2)),
        tooltip=["epoch:Q", "step:Q", "scale:Q"],
    )
    return drawn("loss-scale", "Loss scale", _SCALES, [line], height=220)
