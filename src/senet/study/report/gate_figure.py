"""What the gates of each variant learned: specificity over saturation, gate by gate, on one scale for all variants."""

from typing import Any

import altair as alt

from senet.excitation.page.figures_gates import gate_axis
from senet.page.figure import MUTED, SURFACE, Figure, inline_data, layered_figure, variant_colour
from senet.study.gates.values import GateOverSeeds, StudyGates, VariantGates
from senet.study.gates.words import HEADINGS, gate_cells
from senet.study.report.figure_parts import variant_names
from senet.study.summary import Summary
from senet.utils.text import counted, printable

KINDS = {"channels": "circle", "positions": "square", "branches": "triangle-up", "context": "cross"}
"""The mark of what a gate weighs."""

MANY_GATES = 16
"""More gates than this leave a mark little room."""

Value = dict[str, Any]


def gate_strips(summary: Summary) -> list[Figure]:
    """Return a strip for each variant that has gates, in the table's order; nothing where no gate was looked at."""
    if summary.gates is None:
        return []
    rows = {row.variant: place for place, row in enumerate(summary.rows)}
    scale = _scale(summary.gates)
    return [
        _strip(f"gates-{rows[one.variant]}", one, summary.gates, variant_names(summary.rows), scale)
        for one in summary.gates.variants
        if one.gates and one.variant in rows
    ]


def _strip(key: str, found: VariantGates, study: StudyGates, variants: list[str], scale: alt.Scale) -> Figure:
    values = [_value(place, gate, printable(found.variant)) for place, gate in enumerate(found.gates, 1)]
    base = alt.Chart(inline_data(values)).encode(x=gate_axis(len(values)), tooltip=_tips())
    layers = [*_bars(base, values, scale), *_marks(base, values, variants, scale)]
    return layered_figure(key, f"Gates of {printable(found.variant)}", _caption(found, study), layers, height=200)


def _caption(found: VariantGates, study: StudyGates) -> str:
    seen = f"{counted(study.images, 'test image')} of {counted(study.classes, 'class', 'classes')}"
    over = f"mean over {counted(found.n, 'seed')}, with their range" if found.n > 1 else "of 1 seed"
    return f"Marks: specificity, {over}. Grey bars: saturation. Weights of the best validation epoch, {seen}."


def _bars(base: alt.Chart, values: list[Value], scale: alt.Scale) -> list[alt.Chart]:
    known = [value for value in values if value["saturated"] is not None]
    bars = base.mark_bar(color=MUTED, opacity=0.35, width={"band": 0.6})
    return [bars.encode(y=_share("saturated", scale)).properties(data=inline_data(known))] if known else []


def _marks(base: alt.Chart, values: list[Value], variants: list[str], scale: alt.Scale) -> list[alt.Chart]:
    known = [value for value in values if value["specificity"] is not None]
    without = [value for value in values if value["specificity"] is None]
    kinds = [kind for kind in KINDS if any(value["kind"] == kind for value in values)]
    words = alt.Legend(title=None, orient="bottom", symbolFillColor=MUTED, labelColor=MUTED, labelFontSize=12)
    legend = words if len(kinds) > 1 else None
    shapes = alt.Scale(domain=kinds, range=[KINDS[kind] for kind in kinds])
    size = 110 if len(values) <= MANY_GATES else 45
    marks = base.mark_point(filled=True, size=size, opacity=1, stroke=SURFACE, strokeWidth=1)
    shown = marks.encode(y=_share("specificity", scale), shape=alt.Shape("kind:N", scale=shapes, legend=legend))
    ranges = base.mark_rule(strokeWidth=2.5, opacity=1 if len(values) <= MANY_GATES else 0.5).encode(
        y=_share("low", scale), y2="high:Q"
    )
    coloured = [
        chart.encode(color=variant_colour(variants)).properties(data=inline_data(known)) for chart in (ranges, shown)
    ]
    nothing = base.mark_text(text="n/a", dy=-8, fontSize=12, fill=MUTED).encode(y=_share("zero", scale))
    return [*(coloured if known else []), *([nothing.properties(data=inline_data(without))] if without else [])]


def _value(place: int, gate: GateOverSeeds, variant: str) -> Value:
    specificity = gate.specificity
    return {
        **{"variant": variant, "place": place, "gate": printable(gate.name), "kind": gate.kind, "zero": 0.0},
        **{"specificity": specificity.mean, "low": specificity.low, "high": specificity.high},
        "saturated": gate.saturated.mean,
        **{name: said.text for name, said in zip(HEADINGS, gate_cells(gate), strict=True)},
    }


def _tips() -> list[alt.Tooltip | str]:
    return ["variant:N", "gate:N", *(alt.Tooltip(f"{name}:N") for name in HEADINGS)]


def _share(field: str, scale: alt.Scale) -> alt.Y:
    return alt.Y(f"{field}:Q", title="Share", scale=scale, axis=alt.Axis(format="%", tickCount=5))


def _scale(study: StudyGates) -> alt.Scale:
    """Return the scale of all strips: from zero, or from below it where a specificity is, to the whole."""
    lows = [gate.specificity.low for one in study.variants for gate in one.gates if gate.specificity.low is not None]
    return alt.Scale(domain=[min([0.0, *lows]), 1.0], nice=False)
