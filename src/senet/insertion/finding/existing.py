"""Attention that a network has of its own, whoever wrote it: a map times weights that were pooled from it."""

from senet.attention.contract import is_attention
from senet.insertion.finding.dataflow import Dataflow
from senet.insertion.finding.graph import Value
from senet.submodules import within


def attention_in(flow: Dataflow) -> tuple[str, ...]:
    """Return the names of a network's own attention: blocks that keep to the contract, else what makes a gate."""
    blocks: list[str] = []
    for name, module in flow.graph.modules.items():
        if is_attention(module) and not within(name, blocks):
            blocks.append(name)
    return (*blocks, *(name for name in own_attention(flow) if not within(name, blocks)))


def own_attention(flow: Dataflow) -> dict[str, Value]:
    """Return the products of a map and a gate, and the sums of a map and its context, by what made the gate or context.

    A gate over channels has one position, a gate over positions one channel; either is computed from the map it
    weighs or from what that was computed from. Parameters that scale a branch are no gates. Context is a gate over
    channels that is added (1904.11492), from the map it is added to.
    """
    found: dict[str, Value] = {}
    for value in flow.graph.values:
        if value.op not in ("mul", "add") or len(value.inputs) != 2:
            continue
        weighs, shares = (_weighs, _shares_source) if value.op == "mul" else (_over_channels, Dataflow.depends)
        for x, gate in ((a, _unexpanded(b)) for a, b in (value.inputs, value.inputs[::-1])):
            if not x.last and weighs(gate.shape, x.shape, flow.graph.rank) and shares(flow, gate, x):
                found[gate.running[-1]] = value
    return found


def _unexpanded(gate: Value) -> Value:
    return gate.inputs[0] if gate.op == "expand" else gate


def _weighs(gate: tuple[int, ...], x: tuple[int, ...], rank: int) -> bool:
    over_positions = rank <= len(gate) == len(x) and gate != x and gate[1] == 1 and gate[2:] == x[2:] and x[1] > 1
    return over_positions or _over_channels(gate, x, rank)


def _over_channels(gate: tuple[int, ...], x: tuple[int, ...], rank: int) -> bool:
    one = (1,) * (rank - 2)
    return rank <= len(gate) == len(x) and gate != x and gate == x[: -len(one)] + one and x[1] > 1


def _shares_source(flow: Dataflow, gate: Value, x: Value) -> bool:
    return flow.depends(gate, x) or any(flow.depends(gate, v) for v in x.inputs)
