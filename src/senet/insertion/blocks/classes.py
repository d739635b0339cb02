"""The classes made for modules that hold blocks, and how such modules are copied and pickled."""

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn
from torch.fx import GraphModule

from senet.insertion.blocks.inserted import InsertedBlock, records
from senet.insertion.blocks.views import NEWOBJ

Kind = type[nn.Module]
RUNS_BLOCKS = "_runs_blocks"  # marks methods that are ours
RAN_BLOCKS = "_ran_blocks"  # the attribute of a module whose forward was replaced: by which forward its blocks ran
BLOCK_CLASSES: dict[Kind, Kind] = {}  # by the class before
ORIGINAL_CLASSES: dict[Kind, Kind] = {}  # the class before, by the one that was made


def block_class_of(kind: Kind) -> Kind | None:
    """Return the class among a class and its bases that was made so; None where there is none."""
    return next((base for base in kind.__mro__ if base in ORIGINAL_CLASSES), None)


def super_of(self: Any) -> Any:
    """Return ``super()`` for methods that the classes made so share."""
    kind: Any = block_class_of(type(self))
    return super(kind, self)


def is_forward_replaced(module: nn.Module) -> bool:
    """Whether a forward that is not ours is on a module; not in a compiler, which must find no notes of runs."""
    return (
        not hasattr(current_forward(module), RUNS_BLOCKS)
        and not torch.compiler.is_compiling()
        and bool(records(module))
    )


def current_forward(module: nn.Module) -> Any:
    """Return what runs when a module is called: its own forward, if one was put on it, else its class's."""
    return module.__dict__.get("forward", type(module).forward)


def copy_methods(kind: Kind) -> dict[str, Any]:
    """Return the methods by which modules of a class are copied."""
    copied = {"__deepcopy__": _deepcopy} if hasattr(kind, "__deepcopy__") else {}
    written = {"recompile": _recompile} if issubclass(kind, GraphModule) else {}
    return {"__reduce_ex__": _reduce, **copied, **written}


def _reduce(self: nn.Module, protocol: int) -> tuple[Any, ...]:
    function, arguments, *state = super_of(self).__reduce_ex__(protocol)
    if function is NEWOBJ:
        return _new, (ORIGINAL_CLASSES.get(arguments[0], arguments[0]),), *state
    held = {inserted: self._modules[inserted.child] for inserted in records(self)}
    return _rebuild, (function, arguments, held, *state)


def _new(kind: Kind) -> nn.Module:
    """Return an empty module of a class, for pickle and deepcopy to fill."""
    from senet.insertion.blocks.owner import block_class  # which makes classes with these methods

    made = block_class(kind)
    return made.__new__(made)


def _rebuild(function: Callable[..., nn.Module], arguments: Any, held: dict[InsertedBlock, nn.Module]) -> nn.Module:
    """Make a module that has a way of its own to be pickled, and let it hold its blocks."""
    return _with_held_blocks(function(*arguments), held)


def _deepcopy(self: nn.Module, memo: dict[int, Any]) -> nn.Module:
    held = {inserted: copy.deepcopy(self._modules[inserted.child], memo) for inserted in records(self)}
    return _with_held_blocks(super_of(self).__deepcopy__(memo), held)


def _recompile(self: nn.Module) -> Any:
    """Write the code of a graph anew, which a graph module keeps in its class."""
    kind = type(self)
    object.__setattr__(self, "__class__", ORIGINAL_CLASSES[kind])
    try:
        return cast(GraphModule, self).recompile()
    finally:
        object.__setattr__(self, "__class__", kind)


def _with_held_blocks(module: nn.Module, held: dict[InsertedBlock, Any]) -> nn.Module:
    from senet.insertion.blocks.owner import add_block, remove_blocks

    if records(module):  # copied with all else that is in it
        remove_blocks(module)
    for inserted, block in held.items():
        module._modules.pop(inserted.child, None)
        add_block(module, inserted, block)
    return module
