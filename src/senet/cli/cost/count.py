"""What senet cost prints: counts of a network with and without attention, and the figures that fit them."""

from dataclasses import asdict, dataclass, replace
from json import dumps

import torch

from senet.accounting import Cost, Work, cost
from senet.attention import to_dict
from senet.insertion import blocks, remove
from senet.models import ModelRequest, StartConfig, StartingModel, begin, read_name
from senet.models.factory.config import attention_text
from senet.models.factory.head import ImageShape
from senet.models.input_and_labels import require_classes_reach, require_num_classes
from senet.networks import NETWORKS, Network
from senet.networks.network import NetworkSpec
from senet.networks.published.figures import ALL_FIGURES, PublishedFigure

CONVENTIONS = (
    "For one image. Multiply-adds: convolutions and linear layers. Elementwise: one operation per element of "
    "the largest tensor of every other operator that computes. Bytes: all that every operator reads and "
    "writes, nothing cached or fused. Attention's share: the blocks and what they do to the map; of one in a "
    "convolution's place, what is not a convolution."
)


@dataclass(frozen=True)
class CostReport:
    """Counts and figures.

    Args:
        network: Its name.
        image: Channels, height and width.
        attention: What the network has, in words; empty for none.
        spec: Of a network of ours with what is in its own slots; None for any other, and where blocks were inserted.
        classes: Outputs of the classifier.
        cost: Its count.
        without_attention: The count without attention; None where it has none, or of its own that cannot be left out.
        figures: Published name, our count and one source's figure, for both networks.
    """

    network: str
    image: ImageShape
    attention: str
    spec: NetworkSpec | None
    classes: int | None
    cost: Cost
    without_attention: Cost | None
    figures: tuple[tuple[str, Cost, PublishedFigure], ...]


def count_costs(model_request: ModelRequest, classes: int | None, image: ImageShape) -> CostReport:
    """Build a network, with its attention and without, and count; those of ours without memory for their weights.

    Args:
        model_request: Which.
        classes: Outputs; the network's own number if None.
        image: Channels, height and width.
    """
    require_num_classes(classes, model_request.start.head)
    begun = _begun(model_request, classes, image)
    require_classes_reach(model_request.network, begun.model, image, classes, model_request.start.head)
    counted, spec = cost(begun.model, image), _spec(begun)
    outputs = begun.model.num_classes if isinstance(begun.model, Network) else begun.config.choice.num_classes
    figures, plain = _figures(spec, outputs, image, counted), None
    if (without := _plain(begun, image)) is not None:
        plain = cost(without.model, image)
        figures += _figures(_spec(without), outputs, image, plain)
    said = attention_text(begun.model, image)
    return CostReport(model_request.network, image, said, spec, outputs, counted, plain, tuple(figures))


def _begun(model_request: ModelRequest, classes: int | None, image: ImageShape) -> StartingModel:
    ours = model_request.start.weights is None and read_name(model_request.network).kind == "senet"
    with torch.device("meta" if ours else "cpu"):
        return begin(model_request, classes, image)


def _plain(begun: StartingModel, image: ImageShape) -> StartingModel | None:
    """Return the network without attention; None where it has none, or none that could be left out."""
    if blocks(begun.model):
        plain = remove(begun.model)
        return replace(begun, model=plain, plain=plain)
    spec = _spec(begun)
    if spec is None or spec.attention is None:
        return None
    model_request = ModelRequest(f"senet:{begun.config.name.name}", "none", start=StartConfig(geometry=spec.geometry))
    classes = begun.plain.num_classes if isinstance(begun.plain, Network) else None  # of a file its own
    return _begun(model_request, classes, image)


def _spec(begun: StartingModel) -> NetworkSpec | None:
    """Return the row of a network of ours into which nothing was inserted."""
    return begun.plain.spec if isinstance(begun.plain, Network) and not blocks(begun.model) else None


def _figures(
    spec: NetworkSpec | None, classes: int | None, image: ImageShape, counted: Cost
) -> list[tuple[str, Cost, PublishedFigure]]:
    """Find what is printed for a network, by whichever name it is published."""
    if spec is None or image != (3, spec.size, spec.size) or classes != spec.num_classes:
        return []
    names = [name for name, row in NETWORKS.items() if row == spec]
    return [(name, counted, figure) for name in names for figure in ALL_FIGURES.get(name, ())]


def costs_by_module(counted: Cost) -> list[tuple[str, Work, Work]]:
    """Stem, stages, their units and the head: name, all of it, the attention in it."""
    paths = [m.name.split(".") for m in counted.modules if m.name]
    names = [".".join(p) for p in paths if len(p) == 1 or (len(p) == 2 and p[1].isdigit())]
    return [(name, counted.under(name), counted.under(name, attention=True)) for name in names]


def as_json(report: CostReport, by_module: bool) -> str:
    """Return the report as one JSON object."""
    spec, plain = report.spec, report.without_attention
    data = {
        "network": report.network,
        "attention": report.attention or None,
        "spec": spec and to_dict(spec.attention),
        "geometry": spec and spec.geometry,
        "input_size": report.image,
        "classes": report.classes,
        "cost": asdict(report.cost.total),
        "without_attention": plain and asdict(plain.total),
        "difference": plain and asdict(report.cost.total - plain.total),
        "attention_share": asdict(report.cost.attention),
        "published": [{"network": name, **asdict(figure)} for name, _, figure in report.figures],
        "uncounted": [asdict(one) for one in report.cost.uncounted],
        "conventions": CONVENTIONS,
    }
    if by_module:
        rows = costs_by_module(report.cost)
        data["modules"] = [{"name": n, "cost": asdict(w), "attention_share": asdict(a)} for n, w, a in rows]
    return dumps(data)
