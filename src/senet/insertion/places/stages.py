"""Number the stages of a network as the papers do: conv2_x, the first residual stage, is 2."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from senet.insertion.places.units import Unit
from senet.insertion.trace.graph import Graph, TensorNode
from senet.utils.modules import common_prefix

StageNumbering = Callable[[Unit], int]
SMALLER = 1.5  # a map this much smaller than the last begins a stage; an unpadded convolution takes off less


def number_stages(graph: Graph, units: Sequence[Unit]) -> StageNumbering:
    """Return a function that numbers a unit's stage.

    In a network with residual units the first stage that has some is 2. Stages are the model's own groups of
    residual and separable units (``layer1``, ``blocks.3``) where it has such groups, else the resolutions. Without
    residual units a stage is a resolution, numbered by the logarithm of its stride: 3 to 5 for GoogLeNet's
    inception (3a) to (5b), 1 to 5 for VGG, whose first has stride 1.
    """
    if any(unit.kind == "residual" for unit in units):
        return _by_group([unit for unit in units if unit.kind in ("residual", "separable")])
    return _by_stride(graph, units)


def _by_group(units: Sequence[Unit]) -> StageNumbering:
    key = _key(units)
    keys = list(dict.fromkeys(map(key, units)))
    first = keys.index(next(key(unit) for unit in units if unit.kind == "residual"))
    stages = {k: max(1, 2 + i - first) for i, k in enumerate(keys)}
    by_size: dict[int, int] = {}
    for unit in units:
        by_size.setdefault(_size(unit), stages[key(unit)])

    def stage(unit: Unit) -> int:
        beyond = 1 if _size(unit) > max(by_size) else max(stages.values())
        return stages.get(key(unit), by_size.get(_size(unit), beyond))

    return stage


def _key(units: Sequence[Unit]) -> Callable[[Unit], str | int]:
    """Return what tells the stages of units apart: their group's name if the model groups them, else their size."""
    trunk = common_prefix([_path(unit) for unit in units if unit.kind == "residual"])
    groups = Counter(_group(unit, trunk) for unit in units)
    grouped = all(_group(unit, trunk) for unit in units if unit.kind == "residual")
    lone = sum(n == 1 for n in groups.values()) > len(groups) / 2  # ConvMixer wraps each unit, GhostNet most
    if not grouped or (lone and len(groups) > len({_size(unit) for unit in units})):
        return _size
    return lambda unit: _group(unit, trunk) or _size(unit)


def _by_stride(graph: Graph, units: Sequence[Unit]) -> StageNumbering:
    height = _height(graph.values[0]) if graph.values[0].is_map else 1
    sizes = sorted({_size(unit) for unit in units}, reverse=True)
    stages = {size: max(1, round(math.log2(height / size))) for size in sizes[:1]}
    for larger, size in pairwise(sizes):
        stages[size] = stages[larger] + (max(1, int(math.log2(larger / size))) if larger >= SMALLER * size else 0)
    return lambda unit: stages[_size(unit)]


def _size(unit: Unit) -> int:
    return _height(unit.branch if unit.kind != "residual" else unit.output)


def _height(value: TensorNode) -> int:
    """Return a map's height, or its length; not its depth in time, which some networks for video keep throughout."""
    return value.shape[max(2, len(value.shape) - 2)]


def _path(unit: Unit) -> list[str]:
    """Return the name of the innermost module that ran all of a unit, as a path."""
    shared = common_prefix([v.running for v in unit.inside])
    return shared[-1].split(".") if shared and shared[-1] else []


def _group(unit: Unit, trunk: list[str]) -> str | None:
    """Return the name of the group that a unit is in, None if it is not in the trunk or lies in it directly."""
    path = _path(unit)
    return path[len(trunk)] if path[: len(trunk)] == trunk and len(path) > len(trunk) + 1 else None
