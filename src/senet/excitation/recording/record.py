"""record(): read every gate of each forward pass of a model, and leave nothing behind."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from senet.excitation.recording.find import find_gates
from senet.excitation.recording.gates import Gate
from senet.excitation.recording.operand_hooks import OperandCallbacks, watch_operands
from senet.excitation.recording.passes import PassCounter, RecordingHook, gate_search, is_not_recorded, require_eager
from senet.insertion.example_input import Example, example_arguments


class Recorded:
    """The gates of a model, with their values of the last forward pass.

    Args:
        model: Whose passes are read.
    """

    def __init__(self, model: nn.Module) -> None:
        self.gates: dict[str, Gate] = {}
        """By name, in the order in which they run; empty before the first pass."""
        self.silent: tuple[str, ...] = ()
        """Names of attention blocks that did not run in the first pass: nothing is read of them."""
        self.unread = 0
        """Runs of gates of which nothing is read: those beyond the first pass's, as where a loop goes on for longer,
        and those that went another way than in it, or with other axes or channels."""
        self._model, self._hooks, self._passes, self._found = model, ExitStack(), PassCounter(), False

    @property
    def slow(self) -> tuple[str, ...]:
        """Names of gates that no module returns: in the modules that use them, every operator is watched for them."""
        return tuple(name for name, gate in self.gates.items() if gate.slow)

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Find the gates in one pass of their own, and begin to read them."""
        with gate_search():
            self.gates, self.silent, first = find_gates(self._model, args, kwargs)
        self._found = True
        if first is not None:
            hook = RecordingHook(self._begin_method)
            layer = self._model.get_submodule(first)
            self._hooks.enter_context(layer.register_forward_pre_hook(hook, with_kwargs=True))
        by_module: dict[str, list[Gate]] = defaultdict(list)
        for gate in self.gates.values():
            by_module[gate.origin.module].append(gate)
        for name, gates in by_module.items():
            self._read(name, gates)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read for as long as the context lasts."""
        with self._hooks as hooks:
            before = self._model.register_forward_pre_hook(RecordingHook(self._begin), with_kwargs=True)
            hooks.enter_context(before)
            hooks.enter_context(self._model.register_forward_hook(RecordingHook(self._end), always_call=True))
            hooks.enter_context(watch_operands(self._model, self._of_model, self._miss))
            yield

    def _of_model(self) -> OperandCallbacks:
        """Return who reads in the model's own forward, which has begun when gates are found."""
        slow = [gate for gate in self.gates.values() if gate.slow and not gate.origin.module]
        return self._watched("", slow)() if slow else {}

    def _begin(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if is_not_recorded():
            return
        if not self._found:
            self.find(args, kwargs)
        self._passes.begin(args, kwargs)
        self._forget()

    def _begin_method(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not is_not_recorded() and not self._passes.inside:
            self._passes.begin_method(args, kwargs)
            self._forget()

    def _forget(self) -> None:
        for gate in self.gates.values():
            gate.values = None

    def _end(self, *_: Any) -> None:
        if not is_not_recorded():
            self._passes.end()

    def _read(self, name: str, gates: list[Gate]) -> None:
        module = self._model.get_submodule(name)
        returned = {gate.origin.run: gate for gate in gates if not gate.slow}
        if returned:
            self._hooks.enter_context(module.register_forward_hook(RecordingHook(self._taking(name, returned))))
        slow = [gate for gate in gates if gate.slow]
        if slow and name:
            self._hooks.enter_context(watch_operands(module, self._watched(name, slow), self._miss))

    def _taking(self, name: str, gates: dict[int, Gate]) -> Callable[..., None]:
        last = max(gates)

        def take(module: nn.Module, args: Any, output: Any) -> None:
            if is_not_recorded():
                return
            number = self._passes.number(f"{name} returns", last)
            if number in gates:
                self._take(gates[number], output)
            self.unread += number > last

        return take

    def _watched(self, name: str, gates: list[Gate]) -> Callable[[], OperandCallbacks]:
        last = max(gate.origin.run for gate in gates)

        def takers() -> OperandCallbacks:
            if is_not_recorded():
                return {}
            number = self._passes.number(f"{name} begins", last)
            self.unread += len(gates) if number > last else 0
            of_run = [gate for gate in gates if gate.origin.run == number]
            return {(gate.origin.operator, gate.origin.position): partial(self._take, gate) for gate in of_run}

        return takers

    def _miss(self, runs: int) -> None:
        self.unread += runs

    def _take(self, gate: Gate, raw: Any) -> None:
        taken = isinstance(raw, Tensor) and gate.take(raw, self._passes.images)
        self.unread += not taken


@contextmanager
def record(model: nn.Module, example: Example | None = None) -> Iterator[Recorded]:
    """Read every gate of each forward pass of a model, as long as the context lasts; no hook stays, whatever happens.

    Gates are found by one more pass on the arguments of the first one. Blocks that keep to senet's contract are gates,
    and so is whatever multiplies the map from which it was computed and has one position for each channel, one channel
    for each position, or one weight for each branch of a stack::

        with senet.record(model) as recorded:
            model(images)
        recorded.gates["layer1.0.se"].values  # (B, C)

    Values are those of the last pass, so that memory does not grow; :class:`~senet.excitation.Statistics` adds them up.
    Training goes on as without it, and so do copies of the model that are made meanwhile: nothing is read of them.

    Args:
        model: Any module that is not compiled.
        example: Finds the gates before the first pass; needed where the model itself is not called, but a method of it.

    Raises:
        UsageError: The model is TorchScript, or it or a part of it is compiled or runs in copies: hooks do not see it.
            In a pass: the model does not run on these arguments, or runs in two threads at once.
    """
    require_eager(model)
    recorded = Recorded(model)
    with recorded.reading():
        if example is not None:
            recorded.find(*example_arguments(model, example))
        yield recorded
