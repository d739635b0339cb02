"""The figures of a page, as Vega-Lite specifications built with Altair: colours, type and the way to embed them.

Colours are CSS variables with the light theme's value as fallback: one drawing follows the reader's light or
dark theme, and still has its colours when it is saved as an SVG file.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from senet.utils.text import nan_to_none

COLOURS = ("#5f6b7a", "#0b62c4", "#c2410c", "#1f7a3d", "#8b3fb0", "#b83280", "#0f7685", "#8a6a00")
"""Of the variants in the light theme, the baseline first; more variants begin again, dashed."""

VARIANTS = tuple(f"var(--variant-{place}, {light})" for place, light in enumerate(COLOURS))
"""The same as the page's style has them, light or dark."""

INK, MUTED, GRID = "var(--ink, #16191d)", "var(--muted, #5b6470)", "var(--grid, #e4e7eb)"
SURFACE = "var(--surface, #ffffff)"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_APART = 8  # pixels between two numbers of an axis
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        key: Names its place in the page.
        title: Above it.
        caption: How to read it.
        legend: Whether colour alone names what is drawn.
        spec: Vega-Lite, JSON-ready.
    """

    key: str
    title: str
    caption: str
    legend: bool
    spec: dict[str, Any]


def layered_figure(
    key: str, title: str, caption: str, layers: Sequence[alt.Chart], *, height: int, legend: bool = False
) -> Figure:
    """Draw layers over one another, as wide as the page allows; for readers who see nothing the title describes them.

    Args:
        key: Names the figure's place in the page.
        title: Above it.
        caption: How to read it.
        layers: The first one lies lowest.
        height: In pixels.
        legend: Whether colour alone names what is drawn.
    """
    styled = (
        alt.layer(*layers)
        .properties(width="container", height=height, description=title, background="transparent")
        .configure(font=_FONT, padding={"left": 4, "right": 12, "top": 12, "bottom": 4})
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight=500,
            titlePadding=10,
            labelPadding=6,
            labelFlush=False,
            labelLimit=0,
        )
    )
    return Figure(key, title, caption, legend, nan_to_none(styled.to_dict()))


def inline_data(values: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Return values for a layer."""
    return alt.InlineData(values=list(values))


def variant_colour(variants: list[str], only: Collection[str] | None = None) -> alt.Color:
    """Return the colour channel of the field ``variant``; the page draws the legend.

    Args:
        variants: All, in the order of their colours.
        only: Those that the figure draws, which a legend names; all by default.
    """
    range_ = [VARIANTS[i % len(VARIANTS)] for i in range(len(variants))]
    return alt.Color("variant:N", scale=_scale(variants, range_, only), legend=None)


def variant_dash(variants: list[str], only: Collection[str] | None = None) -> alt.StrokeDash:
    """Return the dash channel of the field ``variant``, which tells variants of one colour apart."""
    range_ = [_DASHES[i // len(COLOURS) % len(_DASHES)] for i in range(len(variants))]
    return alt.StrokeDash("variant:N", scale=_scale(variants, range_, only), legend=None)


def _scale(variants: list[str], range_: Sequence[Any], only: Collection[str] | None) -> alt.Scale:
    kept = [pair for pair in zip(variants, range_, strict=True) if only is None or pair[0] in only]
    return alt.Scale(domain=[variant for variant, _ in kept], range=[mark for _, mark in kept])


def integer_axis(field: str, title: str, last: int, first: int = 1) -> alt.X:
    """Return the axis of a field that counts, such as epochs; its ticks are whole numbers.

    Args:
        field: Its name.
        title: Of the axis.
        last: Of the field's values the greatest.
        first: The least.
    """
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[first, max(last, first + 1)], nice=False),
        axis=alt.Axis(
            grid=False, format=",d", values=_ticks(first, last), labelOverlap="greedy", labelSeparation=_APART
        ),
    )


def _ticks(first: int, last: int) -> list[int]:
    """Return about seven round numbers between two, the first of them too."""
    rough = max((last - first) / 7, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return sorted({first, *range(-(-first // step) * step, last + 1, step)})


def epoch_axis(last: int) -> alt.X:
    """Return the axis of the field ``epoch``."""
    return integer_axis("epoch", "Epoch", last)


def quantity_axis(scale: alt.Scale, form: str) -> alt.Axis:
    """Return an axis of amounts: ``10`` and ``0.05``, never ``1e+1``; on a logarithmic scale fewer of them.

    Args:
        scale: Of the axis.
        form: How numbers are written: ``~s`` with a unit, ``~f`` without.
    """
    few = 4 if scale.to_dict().get("type") == "log" else 5
    return alt.Axis(format=form, tickCount=few, grid=False, labelOverlap="greedy", labelSeparation=_APART)


def metric_axis(field: str, title: str, scale: alt.Scale | None = None) -> alt.Y:
    """Return the axis of an accuracy or a loss, which need not show zero."""
    return alt.Y(f"{field}:Q", title=title, scale=scale or alt.Scale(zero=False), axis=alt.Axis(tickCount=5))


def rounded_tooltip(field: str, form: str = ".2f") -> alt.Tooltip:
    """Return a tooltip's line for a number, to two decimals where no other form is said."""
    return alt.Tooltip(f"{field}:Q", format=form)
