"""Residual sums of tokens: the units of transformers and mixers, in which no block has a map to weigh."""

from collections.abc import Callable

from senet.insertion.trace.dataflow import Dataflow, convolutions
from senet.insertion.trace.graph import Graph, TensorNode

# What linear layers and attention are made of.
PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "_native_multi_head_attention"})


def token_sums(flow: Dataflow) -> tuple[TensorNode, ...]:
    """Return the sums of tokens, (B, N, C) or (B, H, W, C), and what layers made of them."""
    return tuple(value for value in flow.graph.values if value.op == "add" and _adds_tokens(flow, value))


def _adds_tokens(flow: Dataflow, total: TensorNode) -> bool:
    sides = [v for v in total.inputs if v.shape == total.shape]
    if len(total.shape) < 3 or len(sides) != 2 or sides[0] is sides[1]:
        return False
    source, branch = sorted(sides, key=lambda v: v.index)
    way = flow.between(source, branch)
    computed = any(v.op in PRODUCTS or v.conv is not None for v in way)
    return computed and not (total.is_map and convolutions(way))


def makes_tokens(value: TensorNode, sums: tuple[TensorNode, ...]) -> bool:
    """Whether a map becomes the first tokens, before any other convolution: what a patch embedding makes.

    Args:
        value: A map.
        sums: See :func:`token_sums`.
    """
    before = _reached(value, lambda v: list(v.inputs))
    if not all(v.is_map or v.squeezed for v in before):
        return False  # it was made of tokens itself
    onward = _reached(value, lambda v: [reader for reader in v.readers if reader.conv is None])
    return bool({v.index for v in onward} & {total.index for total in sums})


def _reached(value: TensorNode, following: Callable[[TensorNode], list[TensorNode]]) -> list[TensorNode]:
    """Return the value and all that follows from it."""
    found, seen = [value], {value.index}
    for v in found:
        new = [follower for follower in dict.fromkeys(following(v)) if follower.index not in seen]
        seen.update(follower.index for follower in new)
        found += new
    return found


def is_transformer(graph: Graph, sums: tuple[TensorNode, ...]) -> bool:
    """Whether a network adds up tokens at least as often as it convolves maps: a few convolutions only make them.

    Args:
        graph: Of a network whose convolutions are no part of a unit.
        sums: See :func:`token_sums`.
    """
    return bool(sums) and len(sums) >= len(convolutions(list(graph.values)))
