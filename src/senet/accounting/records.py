"""The result of a count. The conventions of its numbers stand here once."""

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Work:
    """Amounts for one image in evaluation.

    Args:
        parameters: Weights and biases, trained or frozen, each once however often it is used; no buffers.
        multiply_adds: Of convolutions, linear layers and other matrix products; adding a bias is free. What
            the papers call FLOPs, half of what ``torch.utils.flop_counter`` calls so.
        elementwise: Operations of everything else that computes (pooling, norms, activations, scale, sum):
            one for each element of the largest tensor that the operator reads or writes, whatever it does to
            the element. That is one per output element of a map and one per input element of a reduction. An
            operator that only moves data (cat, stack, pad, copy) counts none.
        bytes_moved: What every operator reads, weights included, and writes, as if nothing stayed in a cache
            and nothing were fused. Views are free. A broadcast axis counts once. Of an operator with several
            results the first counts; the others serve the backward pass.
    """

    parameters: int = 0
    multiply_adds: int = 0
    elementwise: int = 0
    bytes_moved: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class ModuleCost:
    """What one module does itself, without its children.

    Args:
        name: Qualified, as in ``named_modules()``; empty for the model.
        kind: Class name.
        own: Its own parameters, and the operators that ran while it was the innermost module.
        attention: Whether this counts as attention.
    """

    name: str
    kind: str
    own: Work
    attention: bool


@dataclass(frozen=True)
class Cost:
    """What a model costs for one image; the first four are totals, in the conventions of :class:`Work`.

    Args:
        parameters: Of the model.
        multiply_adds: Of one forward pass.
        elementwise: Of one forward pass.
        bytes_moved: Of one forward pass.
        attention: The attention's part of the totals.
        modules: One record per module, in the order of ``named_modules()``. They add up to the totals.
    """

    parameters: int
    multiply_adds: int
    elementwise: int
    bytes_moved: int
    attention: Work
    modules: tuple[ModuleCost, ...]

    @property
    def total(self) -> Work:
        """The four totals as one amount."""
        return Work(self.parameters, self.multiply_adds, self.elementwise, self.bytes_moved)

    def under(self, name: str, *, attention: bool = False) -> Work:
        """Add up a module and everything inside it, or the attention there alone.

        Args:
            name: As in ``named_modules()``; empty for the whole model. Zero for a name that the model lacks.
            attention: Leave out what is not attention.
        """
        inside = [m for m in self.modules if not name or m.name == name or m.name.startswith(f"{name}.")]
        return total(m for m in inside if m.attention or not attention)


def total(modules: Iterable[ModuleCost]) -> Work:
    """Add the own amounts of modules."""
    return sum((module.own for module in modules), Work())
