"""The gates of everything that is no block: what the recorded pass shows of them."""

import math

from torch import nn

from senet.attention.bounds import UNBOUNDED, gate_bounds
from senet.excitation.recording.gates import FoundGate, Gate, GateLayout, Kind, spatial_axes
from senet.excitation.recording.origin import GateOrigin, before_reshaping, find_origin
from senet.insertion.places.existing_attention import AttentionProduct, channels_first
from senet.insertion.trace.dataflow import VIEWS, Dataflow, downstream
from senet.insertion.trace.graph import TensorNode
from senet.utils.modules import common_prefix

# Operators with a range of their own, in a module or not.
ACTIVATION_RANGES = {"sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0), "_softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def gate_from_weighing(flow: Dataflow, found: AttentionProduct) -> FoundGate:
    """Return what weighs a map, or is added to it, as a gate."""
    at, raw = find_origin(found)
    kind, layout = _layout(flow, found, raw)
    ends = UNBOUNDED if kind is Kind.CONTEXT else _range(flow.graph.modules, found, at)
    return FoundGate(found.weights.index, Gate(_maker(flow, found), kind, at, ends, layout))


def _layout(flow: Dataflow, found: AttentionProduct, raw: TensorNode) -> tuple[Kind, GateLayout]:
    shape, summed = channels_first(found.weights, found.x), _branch_axis(found)
    if len(shape) > found.rank and summed is not None:
        return Kind.BRANCHES, GateLayout(shape[2], shape[summed], branch_first=summed == 0)
    groups = _groups(flow, found.x)
    if found.of_positions:
        sizes = channels_first(found.x, found.x)[2:]
        return Kind.POSITIONS, GateLayout(groups=groups, spatial=spatial_axes(raw, sizes))
    kind = Kind.CONTEXT if found.product.op == "add" else Kind.CHANNELS
    return kind, GateLayout(math.prod(shape[1:]) * groups, groups=groups)


def _branch_axis(found: AttentionProduct) -> int | None:
    """Return which axis of a stack of branches is summed over, the first or the second; None if neither is."""
    ways = (v for reader in found.product.readers for v in downstream(reader, lambda v: v.op in VIEWS))
    return next((axis for v in (*found.product.readers, *ways) for axis in v.summed if axis < 2), None)


def _groups(flow: Dataflow, x: TensorNode) -> int:
    """Return over how many rows of the batch the channels of one image were spread, to be weighed in groups."""
    for value in reversed(flow.graph.values[: x.index + 1]):
        if value.op in VIEWS and value.inputs and value.shape[0] == x.shape[0] and flow.depends(x, value):
            before = value.inputs[0].shape
            groups = value.shape[0] // before[0] if len(before) > 1 and before[0] else 1
            if groups > 1 and len(value.shape) > 1 and before[1] == groups * value.shape[1]:
                return groups
    return 1


def _maker(flow: Dataflow, found: AttentionProduct) -> str:
    """Name the innermost module in which all runs that makes the weights of the map."""
    source = next(v for v in (found.x, *found.x.inputs) if flow.depends(found.weights, v))
    way = [v.running for v in flow.between(source, found.weights)] or [found.weights.running]
    return common_prefix(way)[-1] or type(flow.graph.modules[""]).__name__


def _range(modules: dict[str, nn.Module], found: AttentionProduct, at: GateOrigin) -> tuple[float, float]:
    """Return the range of a gate: of the operator that made it, or of the activation module that returned it."""
    known = ACTIVATION_RANGES.get(before_reshaping(found.weights)[-1].op)
    return known or (UNBOUNDED if at.operator else gate_bounds(modules[at.module]))
