"""places(): everywhere in a model where a block can go, found by running the model once."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from senet.insertion.blocks.inserted import hidden_blocks
from senet.insertion.example_input import Example
from senet.insertion.places.anchors import After, Anchor, AnchorFinder, Before
from senet.insertion.places.existing_attention import existing_attention
from senet.insertion.places.place import Kernel, Place, Strategy
from senet.insertion.places.stages import StageNumbering, number_stages
from senet.insertion.places.tokens import is_transformer, token_sums
from senet.insertion.places.units import Kind, Unit, find_units
from senet.insertion.trace.dataflow import ACTIVATIONS, NORMS, Dataflow, convolutions, downstream, transparent
from senet.insertion.trace.graph import Graph, TensorNode
from senet.insertion.trace.record import trace

# The strategies that a unit of each kind should have a place for.
EXPECTED: dict[Kind, tuple[Strategy, ...]] = {
    "residual": ("standard", "pre", "post", "identity", "conv3x3"),
    "separable": ("standard", "conv3x3"),
    "concat": ("standard",),
    "dense": ("standard",),
    "conv": ("standard", "conv3x3"),
}


@dataclass(frozen=True)
class Survey:
    """All that one pass shows about a model.

    Args:
        graph: The recorded pass.
        anchors: What of it a block can follow or precede.
        places: Of all units and strategies. Convolutions that are no part of a unit have places of kind ``conv``,
            which the strategies choose in networks without other units alone.
        lacking: Units that should have a place for a strategy and have none: (strategy, stage, what the unit leaves).
        attention: Names of the network's own attention: its blocks, or the modules that make a gate.
        plain: Whether convolutions are its only units.
        tokens: The residual sums of tokens, which hold no place.
    """

    graph: Graph
    anchors: AnchorFinder
    places: tuple[Place, ...]
    missing: tuple[tuple[Strategy, int, str], ...]
    attention: tuple[str, ...]
    only_convolutions: bool
    tokens: tuple[TensorNode, ...]

    @property
    def transformer(self) -> bool:
        """Whether it is made of tokens, and no unit has a map."""
        return self.only_convolutions and is_transformer(self.graph, self.tokens)


def places(model: nn.Module, example: Example = (1, 3, 224, 224)) -> list[Place]:
    """Find all places where a block can go, in the order of computation.

    The model runs once on the example and is as before afterwards.

    Args:
        model: Any module.
        example: Shape of its input, the input, or a tuple or dict of its arguments.

    Raises:
        UsageError: The model does not run on the example.
    """
    return list(survey(model, example).places)


def survey(model: nn.Module, example: Example) -> Survey:
    """Trace a model and find its units and their places: those that it has without the blocks that were inserted."""
    with hidden_blocks(model):
        return _survey(model, example)


def _survey(model: nn.Module, example: Example) -> Survey:
    graph = trace(model, example)
    flow = Dataflow(graph)
    units = find_units(flow)
    found, lacking, stage = [], [], number_stages(graph, units)
    plain = all(unit.kind == "conv" for unit in units)
    anchors = AnchorFinder(graph)
    finder = _Finder(flow, anchors, stage)
    for unit in units:
        at = list(finder.places(unit))
        found += at
        if unit.kind != "conv" or plain:
            lacking += [(strategy, stage(unit), unit_name(unit)) for strategy in finder.missing(unit, at)]
    return Survey(graph, anchors, tuple(found), tuple(lacking), existing_attention(flow), plain, token_sums(flow))


def unit_name(unit: Unit) -> str:
    """Name a unit by the innermost module that ran where it ends."""
    return unit.output.ends[-1] if unit.output.ends else unit.output.running[-1]


@dataclass(frozen=True)
class _Finder:
    flow: Dataflow
    anchors: AnchorFinder
    stage: StageNumbering

    def places(self, unit: Unit) -> Iterator[Place]:
        """Yield the places of one unit."""
        yield from self._place(unit, "standard", unit.branch, self._standard(unit))
        if unit.shortcut is not None:
            yield from self._place(unit, "pre", unit.source, self.anchors.before(unit.source, self._entry(unit)))
            yield from self._place(unit, "post", unit.output, self.anchors.after(unit.output, transparent))
            yield from self._place(unit, "identity", unit.shortcut, self._identity(unit, unit.shortcut))
        if unit.kind in ("residual", "separable", "conv"):
            yield from self._kernel(unit)

    def missing(self, unit: Unit, found: list[Place]) -> list[Strategy]:
        """List the strategies that the unit should have a place for and has none; a lone 1x1 has no 3x3 to lack."""
        expected = [s for s in EXPECTED[unit.kind] if s != "conv3x3" or unit.kind != "conv" or self._wide(unit)]
        return [strategy for strategy in expected if strategy not in {place.strategy for place in found}]

    def _place(
        self, unit: Unit, strategy: Strategy, value: TensorNode, anchor: Anchor | None, kernel: Kernel | None = None
    ) -> Iterator[Place]:
        if anchor is not None:
            _, channels, *axes = value.shape
            owner, size = self.anchors.owner(anchor, kernel.module if kernel else None), tuple(axes)
            yield Place(anchor.module, owner, unit.kind, strategy, self.stage(unit), channels, size, anchor, kernel)

    def _standard(self, unit: Unit) -> After | Before | None:
        followed = NORMS | ACTIVATIONS if unit.kind in ("separable", "conv") else frozenset()
        after = self.anchors.after(unit.branch, lambda v: transparent(v) or v.op in followed)
        return after or self.anchors.before(unit.branch, unit.branch.readers)

    def _entry(self, unit: Unit) -> list[TensorNode]:
        """What a residual branch makes of the unit's input."""
        way = set(self.flow.between(unit.source, unit.branch))
        return [reader for reader in unit.source.readers if reader in way]

    def _identity(self, unit: Unit, shortcut: TensorNode) -> Anchor | None:
        own = set(self.flow.between(unit.source, shortcut))
        after = self.anchors.after(shortcut, lambda v: transparent(v) and v.inputs[0] in own) if own else None
        if after is None and all(v.op == "pass" for v in own):  # no module, or an empty container
            return self.anchors.around(unit.source, self._entry(unit), unit.inside)
        return after

    def _kernel(self, unit: Unit) -> Iterator[Place]:
        wide = self._wide(unit)
        if wide and len(wide) <= 2:
            value = wide[0]
            chain = [*downstream(value, lambda v: v.op in NORMS or v.op == "pass")]
            anchor = self._normed(chain)
            yield from self._place(unit, "conv3x3", value, anchor, self._replaceable(value, chain[-1]))

    def _normed(self, chain: list[TensorNode]) -> After | None:
        """Return the anchor after the norm: on it or on what hands its result on; on the convolution if on neither."""
        norm = max((i for i, v in enumerate(chain) if v.op in NORMS), default=0)
        anchors = (self.anchors.after(v, lambda v: False) for v in chain[norm:])
        return next(filter(None, anchors), None) or self.anchors.after(chain[norm], lambda v: v.op in NORMS)

    def _replaceable(self, value: TensorNode, last: TensorNode) -> Kernel | None:
        host = self.anchors.after(value, lambda v: False)
        if host is None or value.conv is None:
            return None
        rectified = bool(last.readers) and all(v.op == "relu" for v in last.readers)
        conv = value.conv
        return Kernel(host.module, conv.in_channels, conv.stride, max(conv.kernel), rectified)

    def _wide(self, unit: Unit) -> list[TensorNode]:
        """Convolutions of the branch that see more than one position: one in a bottleneck, two in a basic unit."""
        way = self.flow.between(unit.source, unit.branch)
        return [v for v in convolutions(way) if v.conv and max(v.conv.kernel) > 1]
