"""What senet cost prints: counts of a network with and without attention, and the figures that fit them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from json import dumps

import torch

from senet.accounting import Cost, Work, cost
from senet.attention import to_dict
from senet.insertion import blocks, remove
from senet.models import Begun, Placement, Start, Wanted, begin, read_name
from senet.models.config import attention_in
from senet.models.usage import require_reach
from senet.models.wanted import STANDARD
from senet.networks import NETWORKS, Network
from senet.networks.figures import ALL_FIGURES, Figure
from senet.networks.network import NetworkSpec

CONVENTIONS = (
    "For one image. Multiply-adds: convolutions and linear layers. Elementwise: one operation per element of "
    "the largest tensor of every other operator that computes. Bytes: all that every operator reads and "
    "writes, nothing cached or fused. Attention's share: the gates and the scale; of SK, fuse and select."
)


@dataclass(frozen=True)
class Request:
    """The command line.

    Args:
        network: Its name.
        attention: ``published``, ``none`` or a spec.
        placement: Where a spec goes.
        start: Weights, head, initialisation and geometry.
        input_size: Channels, height and width of an image.
        classes: Outputs; the network's own number if None.
    """

    network: str
    attention: str
    placement: Placement
    start: Start
    input_size: tuple[int, int, int]
    classes: int | None


@dataclass(frozen=True)
class Report:
    """Counts and figures.

    Args:
        request: What was asked.
        attention: What the network has, in words; empty for none.
        spec: Of a network of ours with what is in its own slots; None for any other, and where blocks were inserted.
        classes: Outputs of the classifier.
        cost: Its count.
        plain: The count without attention; None where it has none, or of its own that cannot be left out.
        figures: Published name, our count and one source's figure, for both networks.
    """

    request: Request
    attention: str
    spec: NetworkSpec | None
    classes: int | None
    cost: Cost
    plain: Cost | None
    figures: tuple[tuple[str, Cost, Figure], ...]


def count(request: Request) -> Report:
    """Build the networks and count them; those of ours without memory for their weights."""
    require_reach(request.network, request.classes, request.start.head)
    begun = _begun(request, request.attention)
    counted, spec = cost(begun.model, request.input_size), _spec(begun)
    plain_begun = _plain(request, begun)
    plain = None if plain_begun is None else cost(plain_begun.model, request.input_size)
    classes = begun.model.num_classes if isinstance(begun.model, Network) else begun.config.choice.num_classes
    figures = [*_figures(request, spec, classes, counted)]
    if plain_begun is not None and plain is not None:
        figures += _figures(request, _spec(plain_begun), classes, plain)
    said = attention_in(begun.model, request.input_size)
    return Report(request, said, spec, classes, counted, plain, tuple(figures))


def _begun(request: Request, attention: str) -> Begun:
    start = request.start
    ours = start.weights is None and read_name(request.network).kind == "senet"
    with torch.device("meta" if ours else "cpu"):
        wanted = Wanted(request.network, attention, request.placement, start)
        return begin(wanted, request.classes, request.input_size)


def _plain(request: Request, begun: Begun) -> Begun | None:
    """Return the network without attention; None where it has none, or none that could be left out."""
    if blocks(begun.model):
        plain = remove(begun.model)
        return replace(begun, model=plain, plain=plain)
    spec = _spec(begun)
    if spec is None or spec.attention is None:
        return None
    name, start = f"senet:{begun.config.name.name}", Start(geometry=spec.geometry)
    classes = begun.plain.num_classes if isinstance(begun.plain, Network) else None  # of a file its own
    return _begun(replace(request, network=name, placement=STANDARD, start=start, classes=classes), "none")


def _spec(begun: Begun) -> NetworkSpec | None:
    """Return the row of a network of ours into which nothing was inserted."""
    return begun.plain.spec if isinstance(begun.plain, Network) and not blocks(begun.model) else None


def _figures(
    request: Request, spec: NetworkSpec | None, classes: int | None, counted: Cost
) -> Iterator[tuple[str, Cost, Figure]]:
    """Find what is printed for a network, by whichever name it is published."""
    if spec is None:
        return
    if request.input_size == (3, spec.size, spec.size) and classes == spec.num_classes:
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
        "attention": report.attention or None,
        "spec": spec and to_dict(spec.attention),
        "geometry": spec and spec.geometry,
        "input_size": request.input_size,
        "classes": report.classes,
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
