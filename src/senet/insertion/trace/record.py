"""Record one forward pass as a graph: which operator made each tensor from which, and which module returned it.

A real forward is recorded below autograd, operator by operator, so it does not matter how the model was written:
control flow, functional calls, scripted functions and custom autograd functions all end in the same few operators.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.jit import ScriptModule
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils.weak import WeakIdKeyDictionary

from senet.accounting.operators import decompose, iter_tensors  # `tensors` is handed on to those who look at outputs
from senet.errors import UsageError
from senet.image_size import image_size_remedy
from senet.insertion.example_input import Example, check_materialised, example_arguments, preserve_state
from senet.insertion.trace.axes import example_hint, permutation, rank_of, sum_axes
from senet.insertion.trace.graph import ConvOperator, Graph, ModuleCall, TensorNode
from senet.insertion.trace.maps import ProductTracker, mark_maps

CONSTANTS = frozenset({"new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like"})


def trace(model: nn.Module, example: Example) -> Graph:
    """Run a model on an example and record the pass; the model is as before afterwards.

    Args:
        model: Any module.
        example: See :func:`~senet.insertion.example_input.example_arguments`.

    Raises:
        UsageError: The model cannot run on it.
    """
    return trace_call(model, *example_arguments(model, example))


def trace_call(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Graph:
    """As :func:`trace`, of a call with these arguments."""
    check_materialised(model)
    _require_python(model)
    recorder = _Recorder(model)
    try:
        with preserve_state(model), recorder.watching():
            run_recorded(model, args, kwargs, recorder)
    except UsageError as error:
        image = tuple(args[0].shape[1:]) if len(args) == 1 and isinstance(args[0], Tensor) else ()
        raise UsageError(error.what, where=error.where, do=image_size_remedy(model, image) or error.do) from error
    rank = rank_of(value.conv.kernel for value in recorder.values if value.conv)
    mark_maps(recorder.values, rank)
    return Graph(tuple(recorder.values), recorder.calls, dict(model.named_modules()), rank)


def _require_python(model: nn.Module) -> None:
    if isinstance(model, ScriptModule):
        what = f"{model.original_name} is TorchScript, whose forward cannot be changed"
        raise UsageError(what, do="insert first, then torch.jit.trace(model, x)")


def run_recorded(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], recorder: "_Recorder") -> None:
    """Call the model under the recorder, and explain a failure."""
    try:
        recorder.book_inputs(args, kwargs)
        with recorder:
            model(*args, **kwargs)
    except Exception as error:  # a user's forward may raise anything
        raise UsageError(
            f"{type(model).__name__} does not run on this example",
            where=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            do="pass example= (--example): the shape of a batch that the model takes, a tensor, or, for several "
            f"inputs, a tuple{example_hint(model)}",
        ) from error


class _Recorder(TorchDispatchMode):
    """Books operators as they run and the modules that they run in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.model = model
        self.values: list[TensorNode] = []
        self.calls: dict[str, ModuleCall] = {}
        self._of = WeakIdKeyDictionary()  # tensor -> its value; a tensor written in place gets a new one
        self._running: list[str] = []
        self._products = ProductTracker()
        self._combined: dict[str, int] = {}  # by running module: sums and products of its call so far

    def book_inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Book the model's inputs."""
        for tensor in iter_tensors((args, kwargs)):
            self._book(tensor, "input", ())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:  # what was made in inference mode comes as whole layers; their operators are what is recorded
            out = decompose(func, args, kwargs or {})
        return self._booked(func, args, kwargs or {}) if out is NotImplemented else out

    def _booked(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        combines = self._products.is_product(func, args)
        out = func(*args, **kwargs)
        self._products.track(func, args, kwargs, out)
        inputs = tuple(self._of[t] for t in iter_tensors((args, kwargs)) if t in self._of)
        name = func.overloadpacket.__name__.rstrip("_")
        for running in self._running if combines else ():
            self._combined[running] += 1
        conv = read_convolution(args) if name == "convolution" else None
        if inputs and name not in CONSTANTS:  # else a parameter in another shape, or a constant
            axes = permutation(name, args)
            for tensor in iter_tensors(out[0] if isinstance(out, tuple) else out):  # norms and pools return more
                if self._products.is_noise(tensor):  # in the shape of an input, and no more of it
                    self._of.pop(tensor, None)
                    continue
                value = self._book(tensor, name, inputs, conv, axes)
                if tensor._base is not None and tensor._base not in self._of and func.__name__.startswith("copy_"):
                    self._book(tensor._base, name, (value,))  # a batch that is filled image by image
                value.summed = sum_axes(name, args)
                value.place = self._combined[self._running[-1]] if combines and self._running else 0
        return out

    def _book(
        self,
        tensor: Tensor,
        op: str,
        inputs: tuple[TensorNode, ...],
        conv: ConvOperator | None = None,
        axes: tuple[int, ...] = (),
    ) -> TensorNode:
        shape = tuple(tensor.shape)
        run = self.calls[self._running[-1]].count if self._running else 1
        value = TensorNode(len(self.values), op, shape, inputs, tuple(self._running), run, conv, axes)
        for source in dict.fromkeys(inputs):
            source.readers.append(value)
        self.values.append(value)
        self._of[tensor] = value
        return value

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Let every module report its calls as long as the context lasts, after the hooks that a user put there."""
        with contextlib.ExitStack() as hooks:
            for name, module in self.model.named_modules():
                if isinstance(module, ScriptModule):  # takes no hooks, so no block can follow it
                    continue
                hooks.enter_context(module.register_forward_pre_hook(partial(self._enter, name)))
                hooks.enter_context(module.register_forward_hook(partial(self._leave, name)))
            yield

    def _enter(self, name: str, module: nn.Module, args: Any) -> None:
        call = self.calls.setdefault(name, ModuleCall())
        call.caller = self._running[-1] if self._running else None
        self._running.append(name)
        self._combined[name] = 0
        call.count += 1
        call.given = self._of.get(args[0]) if args and isinstance(args[0], Tensor) else None

    def _leave(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        call = self.calls[name]
        call.kind, call.returned = type(output).__name__, None
        if isinstance(output, Tensor) and output in self._of:
            output = self._distinct(output, call.given)
            call.returned = self._of[output]
            call.returned.ends.append(name)
            call.returned.runs.append(call.count)
        self._running.pop()
        return output

    def _distinct(self, output: Tensor, given: TensorNode | None) -> Tensor:
        """Return another tensor than the module was given, so that who reads it is told from who reads the input."""
        if given is None or self._of[output] is not given:
            return output
        with _disable_current_modes():
            passed = output.view_as(output)
        self._book(passed, "pass", (given,))
        return passed


def read_convolution(args: tuple[Any, ...]) -> ConvOperator | None:
    """Read the arguments of ``aten.convolution``; None for a transposed one."""
    x, weight, _, stride, _, _, transposed, _, groups = args
    if transposed:
        return None
    return ConvOperator(tuple(weight.shape[2:]), stride[0], groups, x.shape[1], weight.shape[0])
