"""Questions to a recorded forward pass: what depends on what, and what lies between two values."""

from collections.abc import Callable, Iterator

from senet.insertion.trace.graph import Graph, TensorNode

# Steps that only view, move or scale what they read: weighing channels before or after comes to the same.
TRANSPARENT = frozenset({"pass", "view", "alias", "detach", "clone", "mul", "_to_copy"})
# Steps that reorder channels.
SHUFFLES = TRANSPARENT | {"transpose", "permute", "_unsafe_view", "reshape", "native_channel_shuffle"}
# Steps that leave the numbers and their order in memory as they are.
VIEWS = frozenset(
    {"view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "alias", "pass", "clone", "detach", "_to_copy"}
)
# Steps that only put the numbers elsewhere.
MOVES = VIEWS | {"expand", "permute", "transpose", "t"}
NORMS = frozenset(
    {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "miopen_batch_norm"}
    | {"native_group_norm"}
)
ACTIVATIONS = frozenset(
    {"relu", "silu", "gelu", "hardswish", "hardtanh", "clamp", "clamp_min", "leaky_relu", "elu", "mish", "sigmoid"}
    | {"hardsigmoid", "prelu", "_prelu_kernel", "threshold", "rrelu_with_noise"}
)


class Dataflow:
    """Ancestors of every value, as bits of one integer each.

    Args:
        graph: A recorded pass.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.above: list[int] = []  # by index: bits of the value itself and of all that it was made from
        for value in graph.values:
            bits = 1 << value.index
            for source in value.inputs:
                bits |= self.above[source.index]
            self.above.append(bits)

    def depends(self, value: TensorNode, source: TensorNode) -> bool:
        """Whether the value is the source or was made from it."""
        return bool(self.above[value.index] >> source.index & 1)

    def between(self, source: TensorNode, value: TensorNode) -> list[TensorNode]:
        """Return all on the way from the source, which is left out, to the value, which is not."""
        span = self.graph.values[source.index + 1 : value.index + 1]
        return [v for v in span if self.depends(v, source) and self.depends(value, v)]

    def only_through(self, value: TensorNode, source: TensorNode) -> bool:
        """Whether all that the value was made from, back to the model's input, went through the source."""
        seen, queue = {source.index}, [value]
        while queue:
            v = queue.pop()
            if v.index in seen:
                continue
            if not v.inputs:
                return False
            seen.add(v.index)
            queue += v.inputs
        return True


def upstream(value: TensorNode, through: Callable[[TensorNode], bool]) -> Iterator[TensorNode]:
    """Yield the value and, as long as each was made from one value by a step that may be passed, its sources."""
    yield value
    while len(value.inputs) == 1 and through(value):
        value = value.inputs[0]
        yield value


def downstream(value: TensorNode, through: Callable[[TensorNode], bool]) -> Iterator[TensorNode]:
    """Yield the value and, as long as it is read by one step that may be passed, what that makes of it."""
    yield value
    while len(value.readers) == 1 and len(value.readers[0].inputs) == 1 and through(value.readers[0]):
        value = value.readers[0]
        yield value


def transparent(value: TensorNode) -> bool:
    """Whether a step hands on what it reads, or scales it by a parameter, axes in their order."""
    return value.op in TRANSPARENT and value.shape == value.inputs[0].shape


def convolutions(values: list[TensorNode]) -> list[TensorNode]:
    """Pick the convolutions over maps; those in a gate, whose map was averaged, are none."""
    return [v for v in values if v.conv is not None and v.is_map and not v.inputs[0].squeezed]
