"""The gates of blocks that keep to the contract: what their child ``gate`` returns."""

from collections import Counter
from collections.abc import Iterator

from senet.attention.bounds import UNBOUNDED, gate_bounds
from senet.attention.contract import Effect, effect_of, is_attention, kept_convolutions
from senet.excitation.recording.gates import FoundGate, Gate, GateLayout, Kind, spatial_axes
from senet.excitation.recording.origin import GateOrigin, before_reshaping
from senet.insertion.places.existing_attention import AttentionProduct, Shape, before_expand
from senet.insertion.trace.dataflow import Dataflow
from senet.insertion.trace.graph import COMBINING_OPS, TensorNode
from senet.utils.modules import within


class AttentionBlocks:
    """The blocks of a model in a recorded pass.

    Args:
        flow: The pass.
    """

    def __init__(self, flow: Dataflow) -> None:
        self.flow, modules = flow, flow.graph.modules
        self.names = [name for name, module in modules.items() if is_attention(module)]
        named = {module: name for name, module in modules.items()}  # a child of two names is booked under the first
        self._children = {name: named[modules[name].get_submodule("gate")] for name in self.names}
        self._shared = Counter(self._children.values())

    @property
    def innermost(self) -> list[str]:
        """Names of those that hold no others but in the convolutions that they choose from."""
        return [name for name in self.names if not self._holds_others(name)]

    def _holds_others(self, name: str) -> bool:
        start = f"{name}." if name else ""
        outside = [f"{start}{path}" for path in kept_convolutions(self.flow.graph.modules[name])]
        return any(other != name and other.startswith(start) and not within(other, outside) for other in self.names)

    def owns(self, found: AttentionProduct) -> bool:
        """Whether what weighs a map is a block's: it runs within one, or is what one returned, where units use it."""
        inside = any("" in self.names or within(v.running[-1], self.names) for v in (found.product, found.weights))
        return inside or any(
            child in v.ends for v in before_reshaping(found.weights) for child in self._children.values()
        )

    def gates_of(self, name: str) -> Iterator[FoundGate]:
        """Yield the gate of a block, once for each of its runs in the pass."""
        child = self._children[name]
        for value in self.flow.graph.values:
            # What several blocks share runs for the one within which it runs.
            if child in value.ends and (self._shared[child] == 1 or name in value.running):
                yield FoundGate(
                    value.index, self._gate(name, value, GateOrigin(child, value.runs[value.ends.index(child)]))
                )

    def _gate(self, name: str, raw: TensorNode, at: GateOrigin) -> Gate:
        block, (weights, x) = self.flow.graph.modules[name], self._met(raw)
        ends, effect, batch = (
            gate_bounds(block.get_submodule("gate")),
            effect_of(block),
            self.flow.graph.values[0].shape[0],
        )
        if effect is Effect.REPLACES:
            branches, channels = (*weights[1:], 1)[:2]
            return Gate(name, Kind.BRANCHES, at, ends, GateLayout(channels, branches))
        if effect is Effect.MULTIPLIES and _over_positions(weights, x):
            return Gate(name, Kind.POSITIONS, at, ends, GateLayout(spatial=spatial_axes(raw, weights[2:])))
        by_position = len(raw.shape) == 2 and (raw.shape[0] != x[0] or set(x[2:]) == {1})
        layout = GateLayout(weights[1], rows=x[0] // batch if by_position else 0)
        if effect is Effect.ADDS:
            return Gate(name, Kind.CONTEXT, at, UNBOUNDED, layout)
        return Gate(name, Kind.CHANNELS, at, ends, layout)

    def _met(self, raw: TensorNode) -> tuple[Shape, Shape]:
        """Return the shapes of what a gate returned, as it meets the map, and of the map; else, twice, its own."""
        for value in self.flow.graph.values[raw.index + 1 :]:
            if value.op in COMBINING_OPS and len(value.inputs) == 2:
                for position, operand in enumerate(value.inputs):
                    if raw in before_reshaping(operand):
                        return before_expand(operand).shape, value.inputs[1 - position].shape
        return raw.shape, raw.shape


def _over_positions(weights: Shape, x: Shape) -> bool:
    return len(weights) == len(x) > 2 and weights[1] == 1 and x[1] > 1
