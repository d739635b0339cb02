"""The figures of a run's report."""

from typing import Any

import altair as alt

from senet.page.figure import Figure
from senet.page.figure_style import INK, colour, specification
from senet.training.records import Row
from senet.training.report_steps import Steps

TRAINING, VALIDATION = "training", "validation"
NAMES = [TRAINING, VALIDATION]


def figures(rows: list[Row], steps: Steps) -> list[Figure]:
    """Return the figures that the run's numbers allow."""
    drawn = [_accuracy(rows), _losses(rows)] if rows else []
    points = [point for point in steps.points if point["loss"] is not None]
    if points:
        drawn.append(_line("step-loss", "Training loss by step", points, "loss", "Loss"))
        drawn.append(_line("learning-rate", "Learning rate", list(steps.points), "lr", "Learning rate"))
    if any(point["speed"] for point in steps.points):
        drawn.append(_line("speed", "Images per second", list(steps.points), "speed", "Images per second"))
    if steps.scales:
        drawn.append(_scales(steps))
    return drawn


def _accuracy(rows: list[Row]) -> Figure:
    best = max(rows, key=lambda row: row.validation_top1)
    values = [{"epoch": row.epoch, "accuracy": row.validation_top1} for row in rows]
    base = alt.Chart().encode(
        x=_epochs(), y=alt.Y("accuracy:Q", title="Validation accuracy, %", scale=alt.Scale(zero=False))
    )
    line = base.mark_line(color=INK, point=len(rows) < 60).encode(tooltip=["epoch:Q", _rounded("accuracy:Q")])
    mark = base.mark_point(shape="diamond", filled=True, size=150, color=INK)
    at_best = mark.properties(data=alt.InlineData(values=[{"epoch": best.epoch, "accuracy": best.validation_top1}]))
    chart = alt.layer(line, at_best, data=alt.InlineData(values=values)).properties(height=260)
    caption = f"The diamond is epoch {best.epoch}, the first of the highest accuracy; its weights are saved as best."
    return Figure("accuracy", "Validation accuracy", caption, False, specification(chart, "Validation accuracy"))


def _losses(rows: list[Row]) -> Figure:
    values = [
        {"epoch": row.epoch, "loss": loss, "variant": name}
        for row in rows
        for name, loss in ((TRAINING, row.loss), (VALIDATION, row.validation_loss))
    ]
    chart = alt.Chart(alt.InlineData(values=values)).mark_line(point=len(rows) < 60)
    chart = chart.encode(
        x=_epochs(),
        y=alt.Y("loss:Q", title="Loss", scale=alt.Scale(zero=False)),
        color=colour(NAMES),
        tooltip=["variant:N", "epoch:Q", alt.Tooltip("loss:Q", format=".4f")],
    ).properties(height=260)
    caption = (
        "Training: mean over the epoch's steps, of what the recipe trains on, mixing and smoothing included. "
        "Validation: cross entropy after the epoch."
    )
    return Figure("losses", "Loss by epoch", caption, True, _specified(chart, "Loss by epoch"))


def _line(key: str, title: str, values: list[dict[str, Any]], field: str, axis: str) -> Figure:
    chart = alt.Chart(alt.InlineData(values=values)).mark_line(color=INK, strokeWidth=1.5)
    chart = chart.encode(
        x=alt.X("step:Q", title="Step", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False)),
        y=alt.Y(f"{field}:Q", title=axis),
        tooltip=["step:Q", alt.Tooltip(f"{field}:Q", format=".4g")],
    ).properties(height=220)
    return Figure(key, title, "Neighbouring steps are averaged where there are many.", False, _specified(chart, title))


def _scales(steps: Steps) -> Figure:
    values = [{**scale, "number": number} for number, scale in enumerate(steps.scales)]
    chart = alt.Chart(alt.InlineData(values=values)).mark_line(color=INK, interpolate="step-after")
    chart = chart.encode(
        x=alt.X("number:Q", title="Change", axis=alt.Axis(grid=False)),
        y=alt.Y("scale:Q", title="Loss scale", scale=alt.Scale(type="log", base=2)),
        tooltip=["epoch:Q", "step:Q", "scale:Q"],
    ).properties(height=220)
    caption = "Of fp16: it is halved where a gradient overflows, and that step is left out."
    return Figure("loss-scale", "Loss scale", caption, False, _specified(chart, "Loss scale"))


def _epochs() -> alt.X:
    axis = alt.Axis(grid=False, tickMinStep=1, format="d")
    return alt.X("epoch:Q", title="Epoch", scale=alt.Scale(zero=False, nice=False), axis=axis)


def _rounded(field: str) -> alt.Tooltip:
    return alt.Tooltip(field, format=".2f")


def _specified(chart: alt.Chart, description: str) -> dict[str, Any]:
    return specification(alt.layer(chart), description)
