"""What all figures of the report share: colours, type and the way to embed them.

Colours are CSS variables with the light theme's value as fallback: one drawing follows the reader's light or
dark theme, and still has its colours when it is saved as an SVG file.
"""

import math
from typing import Any

import altair as alt

COLOURS = ("#5f6b7a", "#0b62c4", "#c2410c", "#1f7a3d", "#8b3fb0", "#b83280", "#0f7685", "#8a6a00")
"""Of the variants in the light theme, the baseline first; more variants begin again, dashed."""

INK, MUTED, GRID = "var(--ink, #16191d)", "var(--muted, #5b6470)", "var(--grid, #e4e7eb)"
SURFACE = "var(--surface, #ffffff)"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])


def colour(variants: list[str]) -> alt.Color:
    """Return the colour channel of the field ``variant``; the page draws the legend."""
    range_ = [f"var(--variant-{i % len(COLOURS)}, {COLOURS[i % len(COLOURS)]})" for i in range(len(variants))]
    return alt.Color("variant:N", scale=alt.Scale(domain=variants, range=range_), legend=None)


def dash(variants: list[str]) -> alt.StrokeDash:
    """Return the dash channel of the field ``variant``, which tells variants of one colour apart."""
    range_ = [_DASHES[i // len(COLOURS) % len(_DASHES)] for i in range(len(variants))]
    return alt.StrokeDash("variant:N", scale=alt.Scale(domain=variants, range=range_), legend=None)


def specification(chart: alt.LayerChart | alt.FacetChart, description: str) -> dict[str, Any]:
    """Return the styled Vega-Lite specification, JSON-ready, as wide as the page allows."""
    styled = (
        chart.properties(width="container", description=description, background="transparent")
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
        )
    )
    return dict(finite(styled.to_dict()))


def finite(value: Any) -> Any:
    """Return plain values with None for every number that is not finite: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
