"""How a block meets the forward pass: as a child of the module that carries it, run by a hook on that module.

Class, names and keys of the model stay; only keys are added. Deepcopy and pickle carry the hooks along,
``torch.compile`` and ``torch.export`` see them; TorchScript and ``torch.fx`` do not.
"""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from senet.attention import AttentionSpec
from senet.insertion.place import Place


@dataclass(frozen=True)
class Inserted:
    """One block of an insertion.

    Args:
        place: Where it is.
        spec: What built it.
        init: How it was initialised: ``paper`` or ``preserve``.
        child: Its name under the module that carries it.
    """

    place: Place
    spec: AttentionSpec
    init: str
    child: str

    @property
    def name(self) -> str:
        """Qualified name of the block."""
        return f"{self.place.name}.{self.child}".lstrip(".")


@dataclass(eq=False)
class Carry:
    """Tensors on their way from one hook of a block to another in the same forward pass."""

    given: Tensor | None = None
    made: Tensor | None = None


@dataclass(eq=False)
class Follow:
    """Weigh what the module returns."""

    inserted: Inserted

    def __call__(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        """Forward hook."""
        weighed: Tensor = getattr(module, self.inserted.child)(output)
        return weighed


@dataclass(eq=False)
class Precede:
    """Weigh what the module is given."""

    inserted: Inserted

    def __call__(self, module: nn.Module, args: Any) -> Any:
        """Forward pre-hook."""
        return getattr(module, self.inserted.child)(args[0]), *args[1:]


@dataclass(eq=False)
class Divert:
    """Weigh what the unit is given, and keep the original for its branch."""

    inserted: Inserted
    carry: Carry

    def __call__(self, module: nn.Module, args: Any) -> Any:
        """Forward pre-hook of the unit."""
        self.carry.given = args[0]
        return getattr(module, self.inserted.child)(args[0]), *args[1:]


@dataclass(eq=False)
class Restore:
    """Give the first module of the branch what the unit was given."""

    inserted: Inserted
    carry: Carry

    def __call__(self, module: nn.Module, args: Any) -> Any:
        """Forward pre-hook of that module."""
        return self.carry.given, *args[1:]


@dataclass(eq=False)
class Forget:
    """Let go of the tensor, so that it lives no longer than the unit needs it."""

    inserted: Inserted
    carry: Carry

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        """Forward hook of the unit."""
        self.carry.given = None


@dataclass(eq=False)
class Remember:
    """Keep what a convolution is given, for the branches beside it."""

    inserted: Inserted
    carry: Carry

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        """Forward hook of the convolution."""
        self.carry.given = args[0]


@dataclass(eq=False)
class Select:
    """Run a block around a convolution, with what that and its norm made in the place of the block's own."""

    inserted: Inserted
    carry: Carry

    def __call__(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        """Forward hook of the norm."""
        self.carry.made = output
        selected: Tensor = getattr(module, self.inserted.child)(self.carry.given)
        self.carry.given = self.carry.made = None
        return selected


class Kept(nn.Module):
    """In the place of a block's own convolution: the one that stood here, which its own module has already run."""

    def __init__(self, carry: Carry) -> None:
        super().__init__()
        self.carry = carry

    def forward(self, x: Tensor) -> Tensor:
        """Rectify what the convolution and its norm made of x."""
        assert self.carry.made is not None
        return F.relu(self.carry.made)


HOOKS = (Follow, Precede, Divert, Restore, Forget, Remember, Select)
