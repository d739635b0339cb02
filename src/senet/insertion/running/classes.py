"""Which class was made for modules of which, so that they can hold blocks; and whether its forward is what runs."""

from typing import Any

import torch
from torch import nn

from senet.insertion.running.inserted import records

Kind = type[nn.Module]
RUNS = "_runs_blocks"  # marks methods that are ours
RAN = "_ran_blocks"  # the attribute of a module whose forward was replaced: by which forward its blocks ran
HOLDING: dict[Kind, Kind] = {}  # by the class before
PLAIN: dict[Kind, Kind] = {}  # the class before, by the one that was made


def made_of(kind: Kind) -> Kind | None:
    """Return the class among a class and its bases that was made so; None where there is none."""
    return next((base for base in kind.__mro__ if base in PLAIN), None)


def above(self: Any) -> Any:
    """Return ``super()`` for methods that the classes made so share."""
    kind: Any = made_of(type(self))
    return super(kind, self)


def was_replaced(module: nn.Module) -> bool:
    """Whether a forward that is not ours is on a module; not in a compiler, which must find no notes of runs."""
    return not hasattr(forward_of(module), RUNS) and not torch.compiler.is_compiling() and bool(records(module))


def forward_of(module: nn.Module) -> Any:
    """Return what runs when a module is called: its own forward, if one was put on it, else its class's."""
    return module.__dict__.get("forward", type(module).forward)
