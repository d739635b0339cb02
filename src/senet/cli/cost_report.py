"""What senet cost prints: counts of a network with and without attention, and the figures that fit them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from json import dumps
from typing import Any

import torch

from senet.accounting import Cost, Work, cost
from senet.attention import AttentionSpec, parse, to_dict
from senet.networks import NETWORKS, PUBLISHED, create
from senet.networks.create import published, with_attention, with_geometry
from senet.networks.figures import ALL_FIGURES, Figure
from senet.networks.network import NetworkSpec

CONVENTIONS = (
    "For one image. Multiply-adds: convolutions and linear layers. Elementwise: one operation per element of "
    "the largest tensor of every other operator that computes. Bytes: all that every operator reads and "
    "writes, nothing cached or fused. Attention's share: the gates and the scale; of SK, fuse and select."
)


@dataclass(frozen=True)
class Request:
    """The command line; ``geometry`` and ``attention`` are checked where they are resolved."""

    network: str
    attention: str
    geometry: Any
    input_size: tuple[int, int, int]
    classes: int | None


@dataclass(frozen=True)
class Report:
    """Counts and figures.

    Args:
        request: What was asked.
        spec: The network that it names.
        cost: Its count.
        plain: The count without attention; None where it has none.
        figures: Published name, our count and one source's figure, for both networks.
    """

    request: Request
    spec: NetworkSpec
    cost: Cost
    plain: Cost | None
    figures: tuple[tuple[str, Cost, Figure], ...]


def count(request: Request) -> Report:
    """Build the networks without data and count them."""
    row = with_geometry(published(request.network), request.network, request.geometry)
    spec = with_attention(row, PUBLISHED if request.attention == "published" else parse(request.attention))
    counted = _count(request, spec.attention)
    figures = tuple(_figures(request, spec, counted))
    if spec.attention is None:
        return Report(request, spec, counted, None, figures)
    plain = _count(request, None)
    figures += tuple(_figures(request, with_attention(row, None), plain))
    return Report(request, spec, counted, plain, figures)


def _count(request: Request, attention: AttentionSpec | None) -> Cost:
    with torch.device("meta"):
        model = create(
            request.network,
            num_classes=request.classes,
            in_channels=request.input_size[0],
            attention=attention,
            geometry=request.geometry,
        )
    return cost(model, request.input_size)


def _figures(request: Request, spec: NetworkSpec, counted: Cost) -> Iterator[tuple[str, Cost, Figure]]:
    """Find what is printed for a network, by whichever name it is published."""
    if request.input_size == (3, spec.size, spec.size) and request.classes in (None, spec.num_classes):
        for name, row in NETWORKS.items():
            if row == spec:
                yield from ((name, counted, figure) for figure in ALL_FIGURES.get(name, ()))


def modules(counted: Cost) -> list[tuple[str, Work, Work]]:
    """Stem, stages, their units and the head: name, all of it, the attention in it."""
    paths = [m.name.split(".") for m in counted.modules if m.name]
    names = [".".join(p) for p in paths if len(p) == 1 or (len(p) == 2 and p[1].isdigit())]
    return [(name, counted.under(name), counted.under(name, attention=True)) for name in names]


def as_json(report: Report, by_module: bool) -> str:
    """Return the report as one JSON object."""
    request, spec, plain = report.request, report.spec, report.plain
    data = {
        "network": request.network,
        "attention": to_dict(spec.attention),
        "geometry": spec.geometry,
        "input_size": request.input_size,
        "classes": spec.num_classes if request.classes is None else request.classes,
        "cost": asdict(report.cost.total),
        "without_attention": plain and asdict(plain.total),
        "difference": plain and asdict(report.cost.total - plain.total),
        "attention_share": asdict(report.cost.attention),
        "published": [{"network": name, **asdict(figure)} for name, _, figure in report.figures],
        "conventions": CONVENTIONS,
    }
    if by_module:
        rows = modules(report.cost)
        data["modules"] = [{"name": n, "cost": asdict(w), "attention_share": asdict(a)} for n, w, a in rows]
    return dumps(data)
