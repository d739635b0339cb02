"""Which module of a network returns its last map: where class activation maps are taken."""

from torch import Tensor, nn

from senet.errors import UsageError
from senet.insertion.finding.dataflow import Dataflow
from senet.insertion.finding.graph import Graph, Value
from senet.insertion.finding.trace import trace


def last_map(model: nn.Module, example: Tensor) -> str:
    """Name the module that returns the last map of a network, the outermost of those that return the same.

    The last that the output was made from, of more than one channel and more than one position. In a network of senet
    that is its last stage, or, where the head convolves before it averages, the last layer of that.

    Args:
        model: (B, C, H, W) -> (B, classes).
        example: A batch of its input.

    Raises:
        UsageError: The model cannot run on it, or no module returns such a map.
    """
    graph = trace(model, example)
    found = [value for value in _before_output(graph) if _is_wide(value) and any(value.ends)]
    if not found:
        what = f"no module of {type(model).__name__} returns a map with more than one position"
        raise UsageError(what, do="a larger image may leave one")
    return next(name for name in reversed(found[-1].ends) if name)


def _before_output(graph: Graph) -> tuple[Value, ...]:
    """Return what the output was made from, in the order of computation; all there is where it is no tensor."""
    flow, output = Dataflow(graph), graph.calls[""].returned
    return tuple(value for value in graph.values if output is None or flow.depends(output, value))


def _is_wide(value: Value) -> bool:
    return value.is_map and len(value.shape) == 4 and value.shape[1] > 1 and value.shape[2] * value.shape[3] > 1
