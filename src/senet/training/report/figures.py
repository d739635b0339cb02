"""The figures of a run's report."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from senet.page.figure import (
    INK,
    Figure,
    epoch_axis,
    inline_data,
    integer_axis,
    layered_figure,
    metric_axis,
    rounded_tooltip,
    variant_colour,
)
from senet.training.report.step_metrics import StepMetrics
from senet.training.writer.metrics import EpochRow

NAMES = ["training", "validation"]
WIDE = 1e4  # of a loss, its greatest over its least, where it diverged
AXES = {"loss": "Loss", "lr": "Learning rate", "speed": "Images per second"}
LONG = 1e6  # from here on numbers are written with a power of ten
MANY = 60  # points of a line, beyond which they hide it
_LOSSES = (
    "Training: mean over the epoch's steps, of what the recipe trains on, mixing and smoothing included. "
    "Validation: cross entropy after the epoch."
)
_SCALES = "fp16: halved where a gradient overflows; that step is skipped."


def epoch_figures(rows: list[EpochRow]) -> list[Figure]:
    """Return what the epochs measured, as figures; none before the first has ended."""
    return [_accuracy(rows), _losses(rows)] if rows else []


def step_figures(steps: StepMetrics) -> list[Figure]:
    """Return what the steps measured, as figures."""
    points = [point for point in steps.points if point["loss"] is not None]
    made = [_line("step-loss", "Training loss by step", points, "loss", _wide(points))] if points else []
    if steps.points:
        made.append(_line("learning-rate", "Learning rate", steps.points, "lr"))
    if any(point["speed"] for point in steps.points):
        made.append(_line("speed", "Images per second", steps.points, "speed"))
    return [*made, *([_scales(steps)] if steps.scales else [])]


def _accuracy(rows: list[EpochRow]) -> Figure:
    best = max(rows, key=lambda row: row.validation_top1)
    values = [{"epoch": row.epoch, "accuracy": row.validation_top1} for row in rows]
    base = alt.Chart().encode(x=epoch_axis(rows[-1].epoch), y=metric_axis("accuracy", "Validation accuracy, %"))
    line = base.mark_line(color=INK, point=_points(rows, INK)).encode(tooltip=["epoch:Q", rounded_tooltip("accuracy")])
    at_best = base.mark_point(shape="diamond", filled=True, size=150, color=INK)
    caption = f"The diamond is epoch {best.epoch}, the first of the highest accuracy; its weights are saved as best."
    layers = [
        line.properties(data=inline_data(values)),
        at_best.properties(data=inline_data([values[rows.index(best)]])),
    ]
    return layered_figure("accuracy", "Validation accuracy", caption, layers, height=260)


def _losses(rows: list[EpochRow]) -> Figure:
    values = [
        {"epoch": row.epoch, "loss": loss, "variant": name}
        for row in rows
        for name, loss in zip(NAMES, (row.loss, row.validation_loss), strict=True)
    ]
    line = alt.Chart(inline_data(values)).mark_line(point=_points(rows))
    tips = ["variant:N", "epoch:Q", rounded_tooltip("loss", ".4f")]
    line = line.encode(
        x=epoch_axis(rows[-1].epoch), y=metric_axis("loss", "Loss"), color=variant_colour(NAMES), tooltip=tips
    )
    return layered_figure("losses", "Loss by epoch", _LOSSES, [line], height=260, legend=True)


def _points(values: Sequence[object], colour: str | None = None) -> alt.OverlayMarkDef | bool:
    """Mark the values of a line where they are few, in its colour: Vega has one of its own for them."""
    if len(values) >= MANY:
        return False
    return alt.OverlayMarkDef(color=colour, filled=True) if colour else True


def _line(
    key: str, title: str, values: Sequence[Mapping[str, Any]], field: str, scale: alt.Scale | None = None
) -> Figure:
    amounts = [value[field] for value in values if value[field] is not None]
    line = alt.Chart(inline_data(values)).mark_line(color=INK, strokeWidth=1.5, point=_points(values, INK))
    line = line.encode(
        x=integer_axis("step", "Step", values[-1]["step"]),
        y=alt.Y(f"{field}:Q", title=AXES[field], scale=scale or alt.Scale(), axis=_axis(amounts)),
        tooltip=["step:Q", rounded_tooltip(field, ".4g")],
    )
    return layered_figure(key, title, "Neighbouring steps are averaged where there are many.", [line], height=220)


def _wide(points: Sequence[Mapping[str, Any]]) -> alt.Scale:
    """Return a scale from zero, or one of powers for a loss that diverged, which hides all that went before."""
    losses = [point["loss"] for point in points]
    return alt.Scale(type="log") if 0 < WIDE * min(losses) < max(losses) else alt.Scale()


def _axis(values: Sequence[float]) -> alt.Axis:
    powers = f"format(datum.value, datum.value < {LONG} ? '~f' : '~e')"
    return alt.Axis(tickCount=5, labelExpr=powers) if max(values) >= LONG else alt.Axis(tickCount=5)


def _scales(steps: StepMetrics) -> Figure:
    values = [{**scale, "number": number} for number, scale in enumerate(steps.scales)]
    line = alt.Chart(inline_data(values)).mark_line(color=INK, interpolate="step-after")
    line = line.encode(
        x=integer_axis("number", "Change", len(values) - 1, first=0),
        y=alt.Y("scale:Q", title="Loss scale", scale=alt.Scale(type="log", base=2)),
        tooltip=["epoch:Q", "step:Q", "scale:Q"],
    )
    return layered_figure("loss-scale", "Loss scale", _SCALES, [line], height=220)
