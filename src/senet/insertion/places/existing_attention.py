"""Attention that a network has of its own, whoever wrote it: a map times weights that were pooled from it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from senet.attention.contract import is_attention
from senet.insertion.trace.dataflow import MOVES, VIEWS, Dataflow, upstream
from senet.insertion.trace.graph import COMBINING_OPS, TensorNode
from senet.utils.modules import within

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class AttentionProduct:
    """A map and what weighs it, or is added to it.

    Args:
        product: What comes of the two.
        x: The map.
        weights: Before they were expanded to the map's shape.
        position: Of the weights among the operator's two arguments.
        rank: Number of the map's axes: those of the pass, or 3 where its positions were made one axis.
        of_positions: Whether they weigh positions, all channels alike.
    """

    product: TensorNode
    x: TensorNode
    weights: TensorNode
    position: int
    rank: int
    of_positions: bool


def existing_attention(flow: Dataflow) -> tuple[str, ...]:
    """Return the names of a network's own attention: blocks that keep to the contract, else what makes a gate."""
    blocks: list[str] = []
    for name, module in flow.graph.modules.items():
        if is_attention(module) and not within(name, blocks):
            blocks.append(name)
    makers = dict.fromkeys(found.weights.running[-1] for found in attention_products(flow))
    return (*blocks, *(name for name in makers if not within(name, blocks)))


def attention_products(flow: Dataflow) -> Iterator[AttentionProduct]:
    """Yield the products of a map and a gate, and the sums of a map and its context, in their order.

    A gate over channels has one position, a gate over positions one channel; a gate over the branches of a selective
    kernel weighs their stack, which has an axis more. Each is computed from the map it weighs or from what that was
    computed from. Parameters that scale a branch are no gates, nor is what a norm divides by. Context is a gate over
    channels that is added (1904.11492), from the map it is added to.
    """
    for value in flow.graph.values:
        if value.op in COMBINING_OPS and len(value.inputs) == 2:
            # Of a square, or of two gates of one shape, the last that fits is taken.
            found = [w for position in (0, 1) if (w := _weighing(flow, value, position)) is not None]
            yield from found[-1:]


def _weighing(flow: Dataflow, value: TensorNode, position: int) -> AttentionProduct | None:
    x, weights = value.inputs[1 - position], before_expand(value.inputs[position])
    rank = _rank(x, flow.graph.rank)
    of_channels = _over_channels(weights, x, rank)
    of_positions = value.op == "mul" and _over_positions(channels_first(weights, x), channels_first(x, x), rank)
    shares = _shares_source if value.op == "mul" else Dataflow.depends
    fits = (of_channels or of_positions) and shares(flow, weights, x) and not _normalises(weights)
    return AttentionProduct(value, x, weights, position, rank, of_positions) if fits else None


def before_expand(gate: TensorNode) -> TensorNode:
    """Return what was expanded to the shape of a map."""
    return gate.inputs[0] if gate.op == "expand" else gate


def channels_first(value: TensorNode, x: TensorNode) -> Shape:
    """Return a value's shape as it were if the map that it meets had its channels in the second axis."""
    shape = value.shape
    return (shape[0], shape[-1], *shape[1:-1]) if x.last and len(shape) == len(x.shape) else shape


def _rank(x: TensorNode, rank: int) -> int:
    """Return how many axes a map has: one for all positions where it was flattened to (B, C, N) at this place."""
    flattened = x.op in VIEWS and len(x.shape) == 3 and x.inputs[0].is_map and x.inputs[0].shape[:2] == x.shape[:2]
    return 3 if flattened else rank


def _over_positions(of: Shape, over: Shape, rank: int) -> bool:
    return rank <= len(of) == len(over) and of != over and of[1] == 1 and of[2:] == over[2:] and over[1] > 1


def _over_channels(gate: TensorNode, x: TensorNode, rank: int) -> bool:
    of, over, spatial = channels_first(gate, x), channels_first(x, x), rank - 2
    # A small image leaves maps of one position, as large as the gate that was pooled from them.
    alike = of == over and not (gate.squeezed and not x.squeezed)
    if not rank <= len(of) == len(over) or alike or of[-spatial:] != (1,) * spatial:
        return False
    channels, all_channels = of[:-spatial], over[:-spatial]
    of_branches = len(of) > rank and channels == (*all_channels[:-1], 1)  # one weight a branch, for all channels
    return (channels == all_channels or of_branches) and math.prod(channels[1:]) > 1


def _normalises(weights: TensorNode) -> bool:
    """Whether it is the inverse of a deviation, as of a norm that is written by hand."""
    return any(v.op in ("rsqrt", "reciprocal") for v in upstream(weights, lambda v: v.op in MOVES or v.op == "mul"))


def _shares_source(flow: Dataflow, gate: TensorNode, x: TensorNode) -> bool:
    return flow.depends(gate, x) or any(flow.depends(gate, v) for v in x.inputs)
