"""A recorded forward pass: its tensors, what made each of them from which, and the calls of its modules."""

from dataclasses import dataclass, field

from torch import nn

from senet.insertion.trace.axes import LAYOUTS

COMBINING_OPS = frozenset({"mul", "add"})
"""Operators in which a map meets its weights, or its context."""


@dataclass(frozen=True)
class ConvOperator:
    """What an operator that is a convolution does.

    Args:
        kernel: Along each spatial axis.
        stride: Along the first spatial axis.
        groups: As in ``torch.nn.Conv2d``.
        in_channels: Of its input.
        out_channels: Of its output.
    """

    kernel: tuple[int, ...]
    stride: int
    groups: int
    in_channels: int
    out_channels: int

    @property
    def depthwise(self) -> bool:
        """One filter, or a few, for each channel of the input."""
        return self.groups > 1 and self.groups == self.in_channels


@dataclass(eq=False)
class TensorNode:
    """A tensor of the forward pass.

    Args:
        index: Position in the order of computation.
        op: Name of the operator that made it: ``add``, ``convolution``; ``input``; ``pass`` where a module
            returned what it was given.
        shape: Of the tensor.
        inputs: Values that it was made from; parameters and constants are none.
        running: Names of the modules that were running, outermost first.
        run: Which run of the last of these it was, from 1.
        conv: Set if the operator is a convolution.
        axes: Its input's in the order in which it has them; empty where they stay.
        squeezed: Whether it has one position because a map was averaged, as a gate has; a map may be as small. Known
            once all is recorded.
        summed: Axes of its input that a sum took away.
        place: Which of the :class:`~senet.insertion.trace.maps.ProductTracker` in the call of the module that ran it,
            from 1; 0 if it is none.
        ends: Names of the modules that returned it, innermost first.
        runs: Which run of each of these, from 1.
        readers: Values that were made from it.
        last: Whether its channels are the last axis, as after ``permute(0, 2, 3, 1)``; known once all is recorded.
        is_map: Whether it is (B, C, *spatial) with as many axes as the pass's convolutions take; likewise.
    """

    index: int
    op: str
    shape: tuple[int, ...]
    inputs: tuple["TensorNode", ...] = field(repr=False)  # the whole pass is behind them
    running: tuple[str, ...]
    run: int = 1
    conv: ConvOperator | None = None
    axes: tuple[int, ...] = ()
    squeezed: bool = False
    summed: tuple[int, ...] = ()
    place: int = 0
    ends: list[str] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    readers: list["TensorNode"] = field(default_factory=list, repr=False)
    last: bool = False
    is_map: bool = False


@dataclass
class ModuleCall:
    """The calls of one module.

    Args:
        count: How often it ran.
        given: Its first positional argument in the last call, if that is a value.
        returned: What the last call returned, if that is a value.
        kind: Type name of what the last call returned.
        caller: The module whose forward called it last; None for the model itself.
    """

    count: int = 0
    given: TensorNode | None = None
    returned: TensorNode | None = None
    kind: str = ""
    caller: str | None = None


@dataclass(frozen=True)
class Graph:
    """One forward pass.

    Args:
        values: In the order of computation.
        calls: By module name, of the modules that ran. A module with two names is listed under the first.
        modules: All modules by name.
        rank: Number of a map's axes: 3, 4 or 5.
    """

    values: tuple[TensorNode, ...]
    calls: dict[str, ModuleCall]
    modules: dict[str, nn.Module]
    rank: int

    @property
    def layout(self) -> str:
        """The axes of a map, in words: ``(B, C, H, W)``."""
        return LAYOUTS[self.rank]
