"""Which module a block can follow or precede, so that it meets exactly one value of the forward pass, and who holds it.

The module must run exactly once, must not be a container that runs its children by itself, and must hand over one
tensor. The block belongs to the module whose forward calls it: that may be frozen, converted, fused or replaced.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import nn

from senet.attention import is_attention
from senet.insertion.trace.dataflow import upstream
from senet.insertion.trace.graph import Graph, TensorNode
from senet.utils.modules import NORMS, within

LISTS = (nn.ModuleList, nn.ModuleDict)  # run by whoever has them
CONTAINERS = (nn.Sequential, *LISTS)


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


def owner_of(model: nn.Module, anchor: Anchor, kernel: str | None = None) -> str:
    """Return the module that most likely is to hold a block, by names alone: where no forward pass is at hand."""
    parts = anchor.module.split(".")
    around = [".".join(parts[:n]) for n in range(len(parts) - 1, -1, -1)]
    return _holder(dict(model.named_modules()), anchor, around, kernel)


def _holder(modules: dict[str, nn.Module], anchor: Anchor, around: Iterable[str], kernel: str | None) -> str:
    """Return the module that is to hold a block: a unit that it is anchored to, else what calls the layer that it is.

    A norm holds none: it may be frozen or converted. A list is called by none.

    Args:
        modules: Of the model.
        anchor: Of the block.
        around: The modules around that, innermost first.
        kernel: The convolution that a block may replace, which must lie in the same module.
    """
    if isinstance(anchor, Around):
        return anchor.module
    candidates = [*([anchor.module] if _is_unit(modules[anchor.module]) else []), *around]
    able = (name for name in candidates if not isinstance(modules[name], (*LISTS, *NORMS)))
    needed = [anchor.module, *([kernel] if kernel else [])]  # which a caller may know by other names
    return next((n for n in able if not n or all(within(name, (n,)) for name in needed)), anchor.module)


def _is_unit(module: nn.Module) -> bool:
    """Whether a module is made of others, and is no layer of torch or a layer that was made of one."""
    layer = any(kind.__module__.startswith("torch.nn.") and kind is not nn.Module for kind in type(module).__mro__)
    return bool(module._modules) and not layer


class AnchorFinder:
    """Finds the anchor for a value.

    Args:
        graph: A recorded pass, of a model without inserted blocks.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._names: dict[nn.Module, list[str]] = {}  # a model may have a module under several
        for name, module in graph.modules[""].named_modules(remove_duplicate=False):
            self._names.setdefault(module, []).append(name)
        self._given: dict[TensorNode, list[str]] = {}  # first argument -> modules, innermost first
        for name, call in graph.calls.items():
            if call.given is not None:
                self._given.setdefault(call.given, []).insert(0, name)

    def fits(self, name: str) -> bool:
        """Whether a block may follow or precede a module."""
        module, call = self.graph.modules[name], self.graph.calls[name]
        names = self._names[module]
        held = not call.caller or any(within(n, (call.caller,)) for n in names)
        return call.count == 1 and held and not isinstance(module, CONTAINERS) and not self._is_part(name)

    def _is_part(self, name: str) -> bool:
        """Whether a module lies in attention of the network's own, which is followed as a whole."""
        parts = name.split(".")
        return any(is_attention(self.graph.modules[".".join(parts[:n])]) for n in range(1, len(parts)))

    def owner(self, anchor: Anchor, kernel: str | None = None) -> str:
        """Return the module that is to hold a block, by what called what.

        Args:
            anchor: Of the block.
            kernel: The convolution that a block may replace, which must lie in the same module.
        """
        return _holder(self.graph.modules, anchor, self._callers(anchor.module), kernel)

    def _callers(self, name: str) -> Iterator[str]:
        """Yield the modules whose forward calls a module, directly or not, innermost first."""
        while (caller := self.graph.calls[name].caller) is not None:
            yield caller
            name = caller

    def after(self, value: TensorNode, through: Callable[[TensorNode], bool]) -> After | None:
        """Return the innermost module that returned the value, or what the value was made from by passable steps.

        A module that only hands on what it is given, as a drop path does in evaluation, is the last resort: behind
        it lies the layer whose output is meant.
        """
        chain = list(upstream(value, lambda v: through(v) and len(v.inputs[0].readers) == 1))
        for v in sorted(chain, key=lambda v: v.op == "pass"):
            fit = next((name for name in v.ends if self.fits(name) and v.is_map), None)
            if fit is not None and v.shape[1] == value.shape[1]:
                return After(fit)
        return None

    def before(self, value: TensorNode, readers: Iterable[TensorNode]) -> Before | None:
        """Return the innermost module that is given the value and in which all of these readers, and no other, run."""
        wanted = set(readers)
        for name in self._given.get(value, []):
            if self.fits(name) and wanted and {r for r in value.readers if name in r.running} == wanted:
                return Before(name)
        return None

    def around(self, value: TensorNode, readers: Iterable[TensorNode], rest: Iterable[TensorNode]) -> Around | None:
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

    def _within(self, value: TensorNode, reader: TensorNode, allowed: set[TensorNode]) -> str | None:
        """Return the innermost module that is given the value, runs the reader, and lets only those allowed read it."""
        for name in self._given.get(value, []):
            inside = {r for r in value.readers if name in r.running}
            if self.fits(name) and reader in inside and inside <= allowed:
                return name
        return None
