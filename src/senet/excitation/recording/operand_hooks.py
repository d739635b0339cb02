"""Read gates that no module returns: operands of sums and products among all operators of a module's run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from senet.accounting.operators import decompose
from senet.excitation.recording.passes import RecordingHook
from senet.insertion.trace.maps import ProductTracker

OperandCallbacks = dict[tuple[int, int], Callable[[Tensor], None]]
"""Who is given an operand, by which product it is of and its position there."""


@contextmanager
def watch_operands(
    module: nn.Module, takers: Callable[[], OperandCallbacks], miss: Callable[[int], None]
) -> Iterator[None]:
    """Watch a module's sums and products as long as the context lasts.

    Args:
        module: That runs them.
        takers: Returns who reads in the run that begins.
        miss: Is told of how many there was no product in a run that came to its end.
    """
    runs: list[tuple[ExitStack, OperandCallbacks]] = []  # a module may call itself

    def enter(*_: Any) -> None:
        runs.append((ExitStack(), takers()))
        stack, wanted = runs[-1]
        if wanted:
            stack.enter_context(_Operands(wanted))

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if runs:
            stack, left = runs.pop()
            stack.close()
            miss(len(left) if output is not None else 0)

    before = module.register_forward_pre_hook(RecordingHook(enter))
    after = module.register_forward_hook(RecordingHook(leave), always_call=True)
    with before, after:
        try:
            yield
        finally:
            while runs:  # a run that was interrupted from outside calls no hook
                leave(module, (), None)


class _Operands(TorchDispatchMode):
    """Hands on operands of sums and products.

    Args:
        takers: Of which, and to whom; those that are served are taken out.
    """

    def __init__(self, takers: OperandCallbacks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self._takers, self._products, self._count = takers, ProductTracker(), 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:  # in inference mode whole layers come, and their operators are counted
            out = decompose(func, args, kwargs or {})
        return self._watched(func, args, kwargs or {}) if out is NotImplemented else out

    def _watched(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._products.is_product(func, args):
            self._count += 1
            for position in (0, 1):
                if (self._count, position) in self._takers:
                    self._takers.pop((self._count, position))(args[position])
        out = func(*args, **kwargs)
        self._products.track(func, args, kwargs, out)
        return out
