"""What was found of a network's gates as one page, which opens offline: the strip of gates, and one gate at a time."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from senet.data.unused import unused_sentences
from senet.excitation.page import report_words as words
from senet.excitation.page.figures import preference_figure, scale_labels
from senet.excitation.page.findings import findings
from senet.excitation.page.report_words import labels, short, stages, titles
from senet.excitation.summary import Estimate, Excitation, GateProfile, GateSummary, Numbers, SpatialMaps
from senet.page.head import PageHeader, date_text
from senet.page.page import read_resource, settings_tables
from senet.page.page import render_page as page
from senet.utils.text import counted, printable

_SCRIPT = ("parts", "values", "strip", "controls", "profile", "heat", "positions", "drivers", "maps", "start")


def render(found: Excitation, made: datetime | None = None, command: str = "") -> str:
    """Return the page. It is to be written as UTF-8.

    Args:
        found: What was found.
        made: When; None says nothing of it.
        command: That made it, as a shell takes it; empty says nothing of it.
    """
    facts = (("Made", date_text(made)),) if made else ()
    head = PageHeader(found.title, facts=facts, command=command)
    values = {
        "found": found,
        "data": page_data(found),
        "too_large": too_large(found),
        "findings": findings(found),
        "unused": unused_sentences(found.unused),
        "classes": list(zip(words.titles(found.classes), found.classes, strict=True)),
        "counts": [math.prod(gate.shape) for gate in found.gates],
        "scales": scale_labels(found),
        "particulars": settings_tables("Settings", found.particulars),
        "own_style": Markup(read_resource("report.css", "senet.excitation.page")),
        **{"words": words, "exact": _exact, "counted": counted},
    }
    return page("senet.excitation.page", head, values, preference_figure(found), _script())


def _script() -> str:
    """Return the page's own script, whose parts share their names with one another and with no other script."""
    parts = "\n".join(read_resource(f"script/{part}.js", "senet.excitation.page") for part in _SCRIPT)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _exact(number: float) -> str:
    """Return what a column is sorted by, nothing where there is no number."""
    return repr(float(number)) if number == number else ""


MAX_NUMBERS = 3_000_000
"""Numbers of profiles that a page may hold, some 20 MB."""


def page_data(found: Excitation) -> dict[str, Any]:
    """Return all that the script needs; quantiles of classes are left out where they would make the page too large."""
    names, classes = labels(found.groups), titles(found.classes)
    shown = [{"title": title, "images": group.images} for title, group in zip(names, found.groups, strict=True)]
    mapped = [*{printable(name): None for maps in found.maps for name in maps.maps}]
    brief = too_large(found)
    return {
        "groups": shown,
        "gates": [_gate(gate, stage, brief) for gate, stage in zip(found.gates, stages(found.gates), strict=True)],
        "images": {n: [printable(found.images[n]), classes[found.labels[n]]] for n in _referred(found)},
        "pictures": {n: uri for n, uri in found.pictures.items() if n in _referred(found)},
        "maps": [_maps(maps) for maps in found.maps],
        "short": dict(zip(mapped, short(mapped), strict=True)),
    }


def too_large(found: Excitation) -> bool:
    """Whether the page leaves the quantiles of classes out; those of all images stay."""
    return sum(math.prod(gate.shape) for gate in found.gates) * len(found.groups) * 7 > MAX_NUMBERS


def _referred(found: Excitation) -> list[int]:
    """Return the numbers of the images that the page shows."""
    rows = [row for gate in found.gates for row in (*gate.most, *gate.least)]
    return sorted({n for row in rows for n in row} | {maps.image for maps in found.maps})


def _gate(gate: GateSummary, stage: str, brief: bool) -> dict[str, Any]:
    numbers = ("low", "high", "mean", "saturated_low", "saturated_high", "saturated", "constant", "redundancy", "rank")
    return {
        **{"name": printable(gate.name), "stage": printable(stage), "kind": gate.kind, "shape": list(gate.shape)},
        **{name: _short(getattr(gate, name)) for name in numbers},
        **{"slow": gate.slow, "not_finite": gate.not_finite, "specificity": _estimate(gate.specificity)},
        "profiles": [_profile(profile, brief and place > 0) for place, profile in enumerate(gate.profiles)],
        **{"most": gate.most, "least": gate.least},
    }


def _profile(profile: GateProfile, brief: bool) -> dict[str, Any]:
    quantiles = () if brief else profile.quantiles
    mean, deviation = _row(profile.mean), _row(profile.deviation)
    return {"images": profile.images, "mean": mean, "deviation": deviation, "quantiles": [*map(_row, quantiles)]}


def _maps(maps: SpatialMaps) -> dict[str, Any]:
    shown = {printable(name): _table(rows) for name, rows in maps.maps.items()}
    return {"image": maps.image, "guess": printable(maps.guess), "activation": _table(maps.activation), "maps": shown}


def _table(rows: Iterable[Numbers]) -> list[list[float | None]]:
    return [_row(row) for row in rows]


def _row(values: Sequence[float]) -> list[float | None]:
    return [_short(value) for value in values]


def _estimate(value: Estimate) -> list[float | None]:
    return _row((value.value, value.low, value.high))


def _short(value: float) -> float | None:
    """Return a number of four digits, None for one that is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
