"""What looks whether a module still runs the blocks that it holds: its call, ``train()`` and ``state_dict()``."""

from collections.abc import Callable
from types import MethodType
from typing import Any, cast

from torch import nn

from senet.errors import UsageError
from senet.insertion.blocks.call_plan import require_present
from senet.insertion.blocks.classes import RAN_BLOCKS, RUNS_BLOCKS, current_forward, is_forward_replaced, super_of
from senet.insertion.blocks.inserted import records
from senet.insertion.blocks.methods import rebind_forward


def guarded_call(kind: type[nn.Module]) -> Callable[..., Any]:
    """Return a ``__call__`` for a subclass of a class, which looks whether a forward that was replaced runs the blocks.

    One that has run them before may leave them out, as a unit does that is skipped at random.
    """

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        output = kind.__call__(self, *args, **kwargs)
        if is_forward_replaced(self) and self.__dict__.get(RAN_BLOCKS) is not current_forward(self):
            raise _replaced(self)
        return output

    return call


def require_blocks_intact(module: nn.Module) -> None:
    """Check that a module still runs the blocks that it holds.

    Raises:
        UsageError: One is gone, or what it follows is; or another forward was put in the place of the module's.
    """
    held = records(module)
    for inserted in held:
        require_present(module, inserted)
    if held and not _runs_them(module):
        raise _replaced(module)


def _replaced(module: nn.Module) -> UsageError:
    first = records(module)[0]
    return UsageError(
        f"{type(module).__name__}.forward was replaced, and no longer runs {first.name}",
        where=first.place.owner or "the model itself",
        do="replace it before insertion: senet.remove(model), then insert again",
    )


def _runs_them(module: nn.Module) -> bool:
    forward: Any = vars(module).get("forward")
    foreign = isinstance(forward, MethodType) and forward.__self__ is module and not hasattr(forward, RUNS_BLOCKS)
    return hasattr(type(module).forward, RUNS_BLOCKS) and not foreign


def _setattr(self: nn.Module, name: str, value: Any) -> None:
    super_of(self).__setattr__(name, rebind_forward(self, value) if name == "forward" else value)


def _train(self: nn.Module, mode: bool = True) -> nn.Module:
    require_blocks_intact(self)
    return cast(nn.Module, super_of(self).train(mode))


def _save_to_state_dict(self: nn.Module, destination: Any, prefix: str, keep_vars: bool) -> None:
    require_blocks_intact(self)
    super_of(self)._save_to_state_dict(destination, prefix, keep_vars)


def _prepare_scriptable(self: nn.Module) -> nn.Module:
    first = next(iter(records(self)), None)
    if first is None:
        return self
    raise UsageError(
        f"TorchScript cannot read the forward that runs {first.name}",
        where=first.place.owner or "the model itself",
        do="torch.jit.trace(model, x) or torch.export.export(model, (x,)) can; or senet.remove(model) and script that",
    )


GUARDS: dict[str, Any] = {
    "__setattr__": _setattr,
    "__prepare_scriptable__": _prepare_scriptable,
    "train": _train,
    "_save_to_state_dict": _save_to_state_dict,
}
