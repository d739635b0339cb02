"""Find the gates of a model: blocks that keep to the contract, and whatever else weighs the map that it comes from."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import nn

from senet.excitation.recording.blocks import AttentionBlocks
from senet.excitation.recording.gates import FoundGate, Gate
from senet.excitation.recording.origin import before_reshaping
from senet.excitation.recording.other_gates import gate_from_weighing
from senet.insertion.example_input import preserve_state
from senet.insertion.places.existing_attention import AttentionProduct, attention_products
from senet.insertion.trace.dataflow import Dataflow
from senet.insertion.trace.graph import Graph, TensorNode
from senet.insertion.trace.record import trace_call


class SearchResult(NamedTuple):
    """What one pass showed.

    Args:
        gates: By name, in the order in which they run.
        silent: Names of blocks that did not run.
        first: The layer that ran first; None if it runs more than once.
    """

    gates: dict[str, Gate]
    silent: tuple[str, ...]
    first: str | None


def find_gates(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> SearchResult:
    """Find the gates of a model in one traced pass; it is as before afterwards.

    A block within a block is a gate of its own, as the two of CBAM are, and what only combines them is none. One that
    runs twice in a pass is two, the second called ``NAME#2``; so are two gates that one module computes itself.
    One that weighs several maps is one.

    No gates are weights for every channel at every position (BAM, SimAM, GLU), along one spatial axis (coordinate
    attention), for tokens (B, N, C), and those that meet the map in a division, a matrix product or ``addcmul``; nor
    is what a norm divides by. A selective kernel that weighs its branches one by one, not as a stack, has one gate
    over channels for each.

    Args:
        model: Any module.
        args: Of its call.
        kwargs: Of its call.

    Raises:
        UsageError: The model cannot run on them.
    """
    with preserve_state(model):  # gates are tried, too
        flow = Dataflow(trace_call(model, args, kwargs))
        blocks = AttentionBlocks(flow)
        of_blocks = {name: list(blocks.gates_of(name)) for name in blocks.innermost}
        others = [
            gate_from_weighing(flow, found)
            for found in _once(found for found in attention_products(flow) if not blocks.owns(found))
        ]
    found = [*(each for gates in of_blocks.values() for each in gates), *others]
    silent = tuple(name for name, gates in of_blocks.items() if not gates)
    return SearchResult(_numbered(found), silent, _first_layer(flow.graph))


def _once(found: Iterable[AttentionProduct]) -> Iterator[AttentionProduct]:
    """Yield what weighs several maps with the first of them."""
    seen: set[TensorNode] = set()
    for each in found:
        weights = before_reshaping(each.weights)[-1]
        if weights not in seen:
            yield each
        seen.add(weights)


def _numbered(found: list[FoundGate]) -> dict[str, Gate]:
    gates: dict[str, Gate] = {}
    seen: Counter[str] = Counter()
    for each in sorted(found, key=lambda each: each.index):
        gate = each.gate
        seen[gate.name] += 1
        gate.name += f"#{seen[gate.name]}" if seen[gate.name] > 1 else ""
        gates[gate.name] = gate
    return gates


def _first_layer(graph: Graph) -> str | None:
    leaves = ((name, call) for name, call in graph.calls.items() if not [*graph.modules[name].children()])
    name, call = next(leaves, (None, None))
    return name if call is not None and call.count == 1 else None
