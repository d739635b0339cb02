"""What the page's script draws from, as plain values of four digits: short, and JSON has no NaN."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from senet.excitation.page.report_words import labels, short, stages, titles
from senet.excitation.summary import Estimate, Excitation, GateSummary, Numbers, Profile, SpatialMaps
from senet.text import plain

LIMIT = 3_000_000
"""Numbers of profiles that a page may hold, some 20 MB."""


def page_data(found: Excitation) -> dict[str, Any]:
    """Return all that the script needs; quantiles of classes are left out where they would make the page too large."""
    names, classes = labels(found.groups), titles(found.classes)
    shown = [{"title": title, "images": group.images} for title, group in zip(names, found.groups, strict=True)]
    mapped = [*{plain(name): None for maps in found.maps for name in maps.maps}]
    brief = too_large(found)
    return {
        "groups": shown,
        "gates": [_gate(gate, stage, brief) for gate, stage in zip(found.gates, stages(found.gates), strict=True)],
        "images": {n: [plain(found.images[n]), classes[found.labels[n]]] for n in _referred(found)},
        "pictures": {n: uri for n, uri in found.pictures.items() if n in _referred(found)},
        "maps": [_maps(maps) for maps in found.maps],
        "short": dict(zip(mapped, short(mapped), strict=True)),
    }


def too_large(found: Excitation) -> bool:
    """Whether the page leaves the quantiles of classes out; those of all images stay."""
    return sum(math.prod(gate.shape) for gate in found.gates) * len(found.groups) * 7 > LIMIT


def _referred(found: Excitation) -> list[int]:
    """Return the numbers of the images that the page shows."""
    rows = [row for gate in found.gates for row in (*gate.most, *gate.least)]
    return sorted({n for row in rows for n in row} | {maps.image for maps in found.maps})


def _gate(gate: GateSummary, stage: str, brief: bool) -> dict[str, Any]:
    numbers = ("low", "high", "mean", "saturated_low", "saturated_high", "saturated", "constant", "redundancy", "rank")
    return {
        **{"name": plain(gate.name), "stage": plain(stage), "kind": gate.kind, "shape": list(gate.shape)},
        **{name: _short(getattr(gate, name)) for name in numbers},
        **{"slow": gate.slow, "not_finite": gate.not_finite, "specificity": _estimate(gate.specificity)},
        "profiles": [_profile(profile, brief and place > 0) for place, profile in enumerate(gate.profiles)],
        **{"most": gate.most, "least": gate.least},
    }


def _profile(profile: Profile, brief: bool) -> dict[str, Any]:
    quantiles = () if brief else profile.quantiles
    mean, deviation = _row(profile.mean), _row(profile.deviation)
    return {"images": profile.images, "mean": mean, "deviation": deviation, "quantiles": [*map(_row, quantiles)]}


def _maps(maps: SpatialMaps) -> dict[str, Any]:
    shown = {plain(name): _table(rows) for name, rows in maps.maps.items()}
    return {"image": maps.image, "guess": plain(maps.guess), "activation": _table(maps.activation), "maps": shown}


def _table(rows: Iterable[Numbers]) -> list[list[float | None]]:
    return [_row(row) for row in rows]


def _row(values: Sequence[float]) -> list[float | None]:
    return [_short(value) for value in values]


def _estimate(value: Estimate) -> list[float | None]:
    return _row((value.value, value.low, value.high))


def _short(value: float) -> float | None:
    """Return a number of four digits, None for one that is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
