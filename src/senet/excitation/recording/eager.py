"""Which models a recording refuses: those that run without hooks."""

from torch import nn
from torch.jit import ScriptModule

from senet.errors import UsageError

COMPILED = "the model is compiled, and a compiled forward runs no hook"


def require_eager(model: nn.Module) -> None:
    """Refuse a model whose hooks do not run.

    Raises:
        UsageError: It is TorchScript, a part of it is compiled, or it or a part of it is replicated over devices.
    """
    if isinstance(model, ScriptModule):
        what = f"{model.original_name} is TorchScript, which runs without hooks"
        raise UsageError(what, do="record the model that it was made from")
    for name, module in model.named_modules():
        if type(module).__name__ == "OptimizedModule":
            raise UsageError(COMPILED, where=name, do=_take_out(name, "_orig_mod"))
        if module._compiled_call_impl is not None:
            do = "record before compile(), or build the model again and load its weights"
            raise UsageError(COMPILED, where=name, do=do)
        if isinstance(module, nn.DataParallel):
            what = "DataParallel runs copies of the model, a part of the batch in each"
            raise UsageError(what, where=name, do=_take_out(name, "module"))


def _take_out(name: str, inner: str) -> str:
    """Say how to record what a wrapper holds, whose weights are the same."""
    if not name:
        return f"record model.{inner}, which has the same weights"
    return f"take it out first: model.set_submodule({name!r}, model.get_submodule({name!r}).{inner})"
