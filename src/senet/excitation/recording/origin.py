"""Where the values of a gate can be read: what a module returned, or, where none does, an operand of an operator."""

from dataclasses import dataclass

from senet.insertion.places.existing_attention import AttentionProduct
from senet.insertion.trace.dataflow import MOVES, VIEWS
from senet.insertion.trace.graph import TensorNode


@dataclass(frozen=True)
class GateOrigin:
    """Where to read.

    Args:
        module: That returns the values; or, with `operator`, in which they meet the map.
        run: Which of its runs in a forward pass, from 1.
        operator: Which sum or product of the run it is, from 1; 0 where the module returns the values.
        position: Of the values among the operator's two operands.
    """

    module: str
    run: int = 1
    operator: int = 0
    position: int = 0


def find_origin(found: AttentionProduct) -> tuple[GateOrigin, TensorNode]:
    """Return the nearest module that returns a gate's values, in whatever shape; else the operator itself.

    Args:
        found: A map and its weights.

    Returns:
        It, and the values as they are read there.
    """
    value = found.weights
    while True:
        if value.ends:
            return GateOrigin(value.ends[0], value.runs[0]), value
        if len(value.inputs) != 1 or not _keeps_order(value, found.of_positions):
            break
        value = value.inputs[0]
    product = found.product
    return GateOrigin(product.running[-1], product.run, product.place, found.position), found.weights


def before_reshaping(value: TensorNode) -> list[TensorNode]:
    """Return a value and what it was made from by moving numbers alone, the first of all last."""
    seen = [value]
    while len(seen[-1].inputs) == 1 and seen[-1].op in MOVES:
        seen.append(seen[-1].inputs[0])
    return seen


def _keeps_order(value: TensorNode, axes_too: bool) -> bool:
    """Whether a step keeps the order of numbers; of positions, which are several axes, also these."""
    shape = value.inputs[0].shape
    if value.op in VIEWS:
        return not axes_too or [n for n in shape if n > 1] == [n for n in value.shape if n > 1]
    moved = [axis for axis in value.axes if shape[axis] > 1]
    return bool(value.axes) and moved == sorted(moved)
