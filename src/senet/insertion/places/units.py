"""The units that a network is made of, found in a recorded forward pass; no class name is looked at.

residual    a sum of two maps, one of them computed from the other, or both from one with fewer
            convolutions on one side: He et al. 1512.03385 and all that followed
concat      a concatenation of maps that were computed side by side from one: Inception, Fire, ShuffleNetV2
dense       a concatenation in which one map was computed from the others: DenseNet
separable   a depthwise convolution and the 1x1 that follows, outside of the above
conv        any other convolution, with its norm and activation
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from senet.insertion.trace.dataflow import ACTIVATIONS, NORMS, SHUFFLES, Dataflow, convolutions, downstream, upstream
from senet.insertion.trace.graph import TensorNode
from senet.utils.modules import common_prefix

Kind = Literal["residual", "concat", "dense", "separable", "conv"]


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit of a network.

    Args:
        kind: See above.
        source: What it reads.
        branch: What a block weighs in the standard place.
        output: What it leaves, before what comes next reads it.
        inside: All values of it, shortcut included.
        shortcut: The other side of the sum, in residual units.
        total: The sum itself, in residual units.
    """

    kind: Kind
    source: TensorNode
    branch: TensorNode
    output: TensorNode
    inside: tuple[TensorNode, ...]
    shortcut: TensorNode | None = None
    total: TensorNode | None = None


def find_units(flow: Dataflow) -> list[Unit]:
    """Return the units of a network in the order of computation."""
    residual = list(_residual(flow))
    units = residual + list(_merges(flow, residual))
    units += list(_separable(flow, _insides(units)))
    units += list(_convs(flow, _insides(units)))
    return sorted(units, key=lambda unit: unit.output.index)


def _insides(units: list[Unit]) -> set[int]:
    return {value.index for unit in units for value in unit.inside}


def _residual(flow: Dataflow) -> Iterator[Unit]:
    sums: set[int] = set()
    for total in flow.graph.values:
        sides = [v for v in total.inputs if v.shape == total.shape]
        if total.op != "add" or not total.is_map or len(sides) != 2 or sides[0] is sides[1]:
            continue
        unit = _unit_of(flow, total, *sides) or _unit_of(flow, total, *reversed(sides))
        if unit and not any(value.index in sums for value in unit.inside if value is not total):
            sums.add(total.index)
            yield unit


def _unit_of(flow: Dataflow, total: TensorNode, shortcut: TensorNode, branch: TensorNode) -> Unit | None:
    source = _shortcut_source(flow, shortcut, branch)
    if source is None or not flow.only_through(branch, source):
        return None
    way, bypass = flow.between(source, branch), flow.between(source, shortcut)
    if not _is_branch(way) or len(convolutions(way)) <= len(convolutions(bypass)):
        return None
    inside = sorted({*way, *bypass, total}, key=lambda v: v.index)
    return Unit("residual", source, branch, _activated(total, way), tuple(inside), shortcut, total)


def _shortcut_source(flow: Dataflow, shortcut: TensorNode, branch: TensorNode) -> TensorNode | None:
    """Return the last value that a side of the sum shares with the other, if the way to it is a plain chain."""
    chain = list(upstream(shortcut, lambda v: v.conv is not None or v.shape[1] >= v.inputs[0].shape[1]))
    return next((v for v in chain if v.is_map and flow.depends(branch, v)), None)


def _is_branch(way: list[TensorNode]) -> bool:
    """A branch computes, and enlarges nothing but gates: a decoder's sum with an earlier map is no residual unit."""
    enlarged = (v for v in way if v.op.startswith("upsample"))
    return bool(convolutions(way)) and all(v.readers and all(r.op == "mul" for r in v.readers) for v in enlarged)


def _activated(value: TensorNode, way: list[TensorNode]) -> TensorNode:
    """Return what leaves a unit: its sum, after the activation that directly follows and is not the next unit's.

    Args:
        value: The sum.
        way: The branch; the innermost module that runs it and the sum is the unit's.
    """
    module = common_prefix([v.running for v in (*way, value)])
    own = {v for v in downstream(value, lambda v: True) if v.running[: len(module)] == tuple(module)}
    chain = [*downstream(value, lambda v: v in own and (v.op in ACTIVATIONS or v.op == "pass"))]
    returned = next((v for v in chain if v.ends), value)
    return next((v for v in chain if v.op in ACTIVATIONS), returned)


def _merges(flow: Dataflow, residual: list[Unit]) -> Iterator[Unit]:
    """Concatenations outside of residual units that hold no sum of one, nor another concatenation's result."""
    taken = _insides(residual)
    closed = {unit.total.index for unit in residual if unit.total}
    branches: set[int] = set()
    for merged in flow.graph.values:
        parts = list(dict.fromkeys(v for v in merged.inputs if v.is_map and v.shape[2:] == merged.shape[2:]))
        if merged.op != "cat" or len(parts) < 2 or merged.index in taken or _is_part(merged):
            continue
        unit = _dense(flow, merged, parts) or _concat(flow, merged, parts)
        if unit is None or unit.branch.index in branches or any(v.index in closed for v in unit.inside):
            continue
        branches.add(unit.branch.index)
        if unit.kind == "concat":
            closed.add(merged.index)
        yield unit


def _is_part(merged: TensorNode) -> bool:
    """Whether a concatenation only goes into another, as two of the branches of Inception v3's last modules do."""
    return len(merged.readers) == 1 and merged.readers[0].op == "cat"


def _dense(flow: Dataflow, merged: TensorNode, parts: list[TensorNode]) -> Unit | None:
    branch = max(parts, key=lambda v: v.index)
    source = max((v for v in parts if v is not branch), key=lambda v: v.index)
    way = flow.between(source, branch)
    read = {v.index for part in parts for v in part.readers if v.op == "cat" and flow.depends(branch, v)}
    if not all(flow.depends(branch, v) for v in parts) or not _is_branch(way) or (len(parts) > 2 and not read):
        return None
    return Unit("dense", source, branch, merged, (*way, merged))


def _concat(flow: Dataflow, merged: TensorNode, parts: list[TensorNode]) -> Unit | None:
    earlier = reversed(flow.graph.values[: merged.index])
    shared = (v for v in earlier if v.is_map and all(flow.depends(part, v) for part in parts))
    source = next((v for v in shared if flow.only_through(merged, v)), None)
    if source is None or not _is_branch(flow.between(source, merged)) or all(map(_of_a_slice, parts)):
        return None
    output = [*downstream(merged, lambda v: v.op in SHUFFLES)][-1]
    return Unit("concat", source, output, output, tuple(flow.between(source, output)))


def _of_a_slice(part: TensorNode) -> bool:
    """Whether a part is one convolution of some of the channels: MixNet's kernels of several sizes are no unit."""
    return part.conv is not None and part.inputs[0].op.startswith("split")


def _separable(flow: Dataflow, taken: set[int]) -> Iterator[Unit]:
    for value in convolutions(list(flow.graph.values)):
        assert value.conv is not None
        if not value.conv.depthwise or value.index in taken:
            continue
        pointwise = _pointwise(flow, _norm_and_activation(value))
        if pointwise is None or pointwise.index in taken:
            continue
        source, output = value.inputs[0], _norm_and_activation(pointwise)
        yield Unit("separable", source, output, output, tuple(flow.between(source, output)))


def _pointwise(flow: Dataflow, value: TensorNode) -> TensorNode | None:
    """Return the 1x1 convolution that reads a value, or reads it weighed by a gate of the network's own."""
    scaled = [v for v in value.readers if v.op == "mul" and v.shape == value.shape]
    readers = _norm_and_activation(scaled[0]).readers if len(scaled) == 1 else value.readers
    return next((v for v in readers if v.conv and max(v.conv.kernel) == 1 and len(readers) == 1), None)


def _convs(flow: Dataflow, taken: set[int]) -> Iterator[Unit]:
    for value in convolutions(list(flow.graph.values)):
        if value.index not in taken:
            source, output = value.inputs[0], _norm_and_activation(value)
            yield Unit("conv", source, output, output, tuple(flow.between(source, output)))


def _norm_and_activation(value: TensorNode) -> TensorNode:
    """Return what a convolution becomes after the norm and the activation that directly follow."""
    return [*downstream(value, lambda v: v.op in NORMS | ACTIVATIONS | {"pass"})][-1]
