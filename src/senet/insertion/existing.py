"""Attention that a network has of its own, whoever wrote it: a map times weights that were pooled from it."""

from senet.attention.contract import is_attention
from senet.insertion.dataflow import Dataflow
from senet.insertion.trace import Value
from senet.submodules import within


def attention_in(flow: Dataflow) -> tuple[str, ...]:
    """Return the names of a network's own attention: blocks that keep to the contract, else what makes a gate."""
    blocks: list[str] = []
    for name, module in flow.graph.modules.items():
        if is_attention(module) and not within(name, blocks):
            blocks.append(name)
    return (*blocks, *(name for name in own_attention(flow) if not within(name, blocks)))


def own_attention(flow: Dataflow) -> dict[str, Value]:
    """Return the products of a map and a gate, by the name of the module that made the gate.

    A gate over channels has one position, a gate over positions one channel; either is computed from the map it
    weighs or from what that was computed from. Parameters that scale a branch are no gates.
    """
    found: dict[str, Value] = {}
    for value in flow.graph.values:
        if value.op != "mul" or len(value.inputs) != 2:
            continue
        for x, gate in ((a, _unexpanded(b)) for a, b in (value.inputs, value.inputs[::-1])):
            if not x.last and _weighs(gate.shape, x.shape, flow.graph.rank) and _shares_source(flow, x, gate):
                found[gate.running[-1]] = value
    return found


def _unexpanded(gate: Value) -> Value:
    return gate.inputs[0] if gate.op == "expand" else gate


def _weighs(gate: tuple[int, ...], x: tuple[int, ...], rank: int) -> bool:
    if not rank <= len(gate) == len(x) or gate == x:
        return False
    one = (1,) * (rank - 2)
    over_channels = gate == x[: -len(one)] + one and x[1] > 1
    over_positions = gate[1] == 1 and gate[2:] == x[2:] and x[1] > 1
    return over_channels or over_positions


def _shares_source(flow: Dataflow, x: Value, gate: Value) -> bool:
    return flow.depends(gate, x) or any(flow.depends(gate, v) for v in x.inputs)
