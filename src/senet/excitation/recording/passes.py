"""Forward passes of a model: where one begins, and which run of a module it is in that pass."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch.jit import ScriptModule

from senet.accounting.operators import iter_tensors
from senet.errors import UsageError

_searching: ContextVar[bool] = ContextVar("senet_searching_for_gates", default=False)


@contextmanager
def gate_search() -> Iterator[None]:
    """Mark passes as those in which gates are looked for: no recording of the model, also no other one, reads them."""
    token = _searching.set(True)
    try:
        yield
    finally:
        _searching.reset(token)


def is_not_recorded() -> bool:
    """Whether this thread looks for gates, or runs layers again within a backward pass, as checkpointing does."""
    return _searching.get() or torch._C._current_graph_task_id() != -1


class PassCounter:
    """Counts runs within a pass.

    A pass is a call of the model. Where a method of it is called, one begins with the layer that ran first of all when
    the gates were found, or with what ran as often before as it did then.
    """

    def __init__(self) -> None:
        self.images: int | None = None
        """Of the batch; None where no call shows it."""
        self._runs: Counter[str] = Counter()
        self._thread: int | None = None

    @property
    def inside(self) -> bool:
        """Whether a call of the model goes on."""
        return self._thread is not None

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin one.

        Raises:
            UsageError: Another thread is within one.
        """
        if self._thread not in (None, threading.get_ident()):
            what = "the model runs in several threads at once: their gates cannot be told apart"
            raise UsageError(what, do="run one pass at a time, or record a copy of the model in each thread")
        self._thread = threading.get_ident()
        self.begin_method(args, kwargs)

    def begin_method(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin one that is no call of the model."""
        self._runs.clear()
        self.images = _images(args, kwargs)

    def end(self) -> None:
        """End it, if it is this thread's."""
        if self._thread == threading.get_ident():
            self._thread, self.images = None, None

    def number(self, what: str, usual: int) -> int:
        """Count a run and return which it is, from 1.

        Args:
            what: That runs.
            usual: How often it runs in a pass.
        """
        self._runs[what] += 1
        if not self.inside and self._runs[what] > usual:
            self._runs[what] = 1
        return self._runs[what]


def _images(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """Return how many images are in a call: the first axis of its first tensor; None where that is no batch."""
    first = next(iter_tensors((args, kwargs)), None)
    return first.shape[0] if first is not None and first.ndim > 2 else None


def no_op(*_: Any) -> None:
    """What the hooks of a copy do."""


class RecordingHook:
    """A hook of a recording; on a model's copy, and in its file, it does nothing.

    Args:
        call: What it does.
    """

    def __init__(self, call: Callable[..., None]) -> None:
        self.call = call

    def __call__(self, *args: Any) -> None:
        """Do it; what the model is given and returns stays as it is."""
        self.call(*args)

    def __reduce__(self) -> tuple[type["RecordingHook"], tuple[Callable[..., None]]]:
        return RecordingHook, (no_op,)


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
