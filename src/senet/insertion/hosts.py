"""Which module can carry a block, so that the block meets exactly one value of the forward pass.

A block hangs on a module as its child and runs in a hook on it, so the module must run exactly once, must not
be a container that runs its children by itself, and must hand over one tensor.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from senet.attention import is_attention
from senet.insertion.dataflow import back
from senet.insertion.trace import Graph, Value

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class After:
    """The block weighs what a module returns."""

    module: str


@dataclass(frozen=True)
class Before:
    """The block weighs what a module is given; nothing else sees it weighed."""

    module: str


@dataclass(frozen=True)
class Around:
    """The block weighs what a unit is given, for its shortcut alone: the modules of its branch get the original.

    Args:
        module: The unit.
        inner: The first modules of its branch.
    """

    module: str
    inner: tuple[str, ...]


Anchor = After | Before | Around


class Hosts:
    """Finds the anchor for a value.

    Args:
        graph: A recorded pass.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._given: dict[Value, list[str]] = {}  # first argument -> modules, innermost first
        for name, call in graph.calls.items():
            if call.given is not None:
                self._given.setdefault(call.given, []).insert(0, name)

    def fits(self, name: str) -> bool:
        """Whether a module may carry a block."""
        module = self.graph.modules[name]
        return self.graph.calls[name].count == 1 and not isinstance(module, CONTAINERS) and not is_attention(module)

    def after(self, value: Value, through: Callable[[Value], bool]) -> After | None:
        """Return the innermost module that returned the value, or what the value was made from by passable steps.

        A module that only hands on what it is given, as a drop path does in evaluation, is the last resort: behind
        it lies the layer whose output is meant.
        """
        chain = list(back(value, lambda v: through(v) and len(v.inputs[0].readers) == 1))
        for v in sorted(chain, key=lambda v: v.op == "pass"):
            fit = next((name for name in v.ends if self.fits(name) and v.is_map), None)
            if fit is not None and v.shape[1] == value.shape[1]:
                return After(fit)
        return None

    def before(self, value: Value, readers: Iterable[Value]) -> Before | None:
        """Return the innermost module that is given the value and in which all of these readers, and no other, run."""
        wanted = set(readers)
        for name in self._given.get(value, []):
            if self.fits(name) and wanted and {r for r in value.readers if name in r.running} == wanted:
                return Before(name)
        return None

    def around(self, value: Value, readers: Iterable[Value], rest: Iterable[Value]) -> Around | None:
        """Return the unit that is given the value, whose modules can get the original while the rest sees it weighed.

        Args:
            value: What the shortcut hands over.
            readers: What the branch makes of it.
            rest: Everything else that runs inside the unit.
        """
        branch = set(readers)
        inner = [self._within(value, reader, branch) for reader in readers]
        unit = next((n for n in self._given.get(value, []) if self.fits(n) and all(n in v.running for v in rest)), None)
        if unit is None or not inner or None in inner:
            return None
        return Around(unit, tuple(dict.fromkeys(name for name in inner if name is not None)))

    def _within(self, value: Value, reader: Value, allowed: set[Value]) -> str | None:
        """Return the innermost module that is given the value, runs the reader, and lets only those allowed read it."""
        for name in self._given.get(value, []):
            inside = {r for r in value.readers if name in r.running}
            if self.fits(name) and reader in inside and inside <= allowed:
                return name
        return None
