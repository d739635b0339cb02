"""How a module that holds blocks is copied and pickled: as one of the class before, which then holds them."""

import copy
from collections.abc import Callable
from typing import Any, cast

from torch import nn
from torch.fx import GraphModule

from senet.insertion.running.classes import PLAIN, Kind, above
from senet.insertion.running.inserted import Inserted, records
from senet.insertion.running.views import NEW


def copying(kind: Kind) -> dict[str, Any]:
    """Return the methods by which modules of a class are copied."""
    copied = {"__deepcopy__": _deepcopy} if hasattr(kind, "__deepcopy__") else {}
    written = {"recompile": _recompile} if issubclass(kind, GraphModule) else {}
    return {"__reduce_ex__": _reduce, **copied, **written}


def _reduce(self: nn.Module, protocol: int) -> tuple[Any, ...]:
    function, arguments, *state = above(self).__reduce_ex__(protocol)
    if function is NEW:
        return _new, (PLAIN.get(arguments[0], arguments[0]),), *state
    held = {inserted: self._modules[inserted.child] for inserted in records(self)}
    return _again, (function, arguments, held, *state)


def _new(kind: Kind) -> nn.Module:
    """Return an empty module of a class, for pickle and deepcopy to fill."""
    from senet.insertion.running.owner import with_blocks  # which makes classes with these methods

    made = with_blocks(kind)
    return made.__new__(made)


def _again(function: Callable[..., nn.Module], arguments: Any, held: dict[Inserted, nn.Module]) -> nn.Module:
    """Make a module that has a way of its own to be pickled, and let it hold its blocks."""
    return _holding(function(*arguments), held)


def _deepcopy(self: nn.Module, memo: dict[int, Any]) -> nn.Module:
    held = {inserted: copy.deepcopy(self._modules[inserted.child], memo) for inserted in records(self)}
    return _holding(above(self).__deepcopy__(memo), held)


def _recompile(self: nn.Module) -> Any:
    """Write the code of a graph anew, which a graph module keeps in its class."""
    kind = type(self)
    object.__setattr__(self, "__class__", PLAIN[kind])
    try:
        return cast(GraphModule, self).recompile()
    finally:
        object.__setattr__(self, "__class__", kind)


def _holding(module: nn.Module, held: dict[Inserted, Any]) -> nn.Module:
    from senet.insertion.running.owner import hold, let_go

    if records(module):  # copied with all else that is in it
        let_go(module)
    for inserted, block in held.items():
        module._modules.pop(inserted.child, None)
        hold(module, inserted, block)
    return module
