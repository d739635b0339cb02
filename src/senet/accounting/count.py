"""cost(): run a copy of a model on torch's meta device and book every operator on the module that ran it.

Networks may call an attention block's ``weights`` and merge by themselves, so the block's own forward, and
with it every forward hook on the block, may never run. The copy's blocks therefore have ``weights`` wrapped;
the operator that then consumes the weights is the scale, and is booked on the block that made them.
"""

import copy
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from senet.accounting.operators import decompose, iter_tensors, operator_work
from senet.accounting.records import Cost, ModuleCost, Uncounted, Work, sum_work
from senet.attention.contract import attention_names, is_attention
from senet.errors import UsageError
from senet.image_size import image_size_remedy, submodule_remedy


def cost(model: nn.Module, input_size: tuple[int, ...] = (3, 224, 224)) -> Cost:
    """Count what a model costs for one image in evaluation; conventions in :class:`~senet.accounting.Work`.

    Nothing is computed and the model is not touched: the count runs on a copy without data. Hooks on the
    model are part of it and run once, on tensors of the meta device. An operator belongs to the innermost
    module that runs, and to no other.

    Attention are blocks that keep to :class:`~senet.attention.AttentionBlock`, with everything inside and what they do
    to the map. Of a block in a convolution's place its convolutions count as convolutions, like the one that they
    replace; their price shows in the difference to the same network without attention.

    Args:
        model: Any module that takes one tensor: senet's, torchvision's, timm's or your own.
        input_size: Shape of one image without the batch axis, (C, H, W).

    Raises:
        UsageError: The model cannot run on such an input, or cannot be copied.
    """
    _check_size(input_size)
    with torch.no_grad():
        try:
            counter = _Counter(_meta_copy(model))
            with torch.device("meta"), counter:
                counter.model(torch.empty(1, *input_size, dtype=_dtype(model)))
        except Exception as error:  # a user's forward may raise anything
            raise UsageError(
                f"{type(model).__name__} cannot be counted on an input of {tuple(input_size)}",
                where=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
                do=image_size_remedy(model, tuple(input_size))
                or _remedy(error, submodule_remedy(model, tuple(input_size))),
            ) from error
    return _summary(counter)


def _remedy(error: Exception, part: str) -> str:
    # NotImplementedError is torch's word for an operator that has no shapes without data.
    if isinstance(error, NotImplementedError) and not part:
        return "torch.library.register_fake says what shape an operator returns, without which nothing can be counted"
    shape = "give input_size as (C, H, W) of an image that the model takes (--image-size N)"
    return part or f"{shape}; a model that branches on values cannot be counted"


def _check_size(input_size: object) -> None:
    if not isinstance(input_size, tuple | list) or not input_size or any(size < 1 for size in input_size):
        raise UsageError(f"input_size={input_size} is not the shape of an image", do="give it as (C, H, W)")


class _Counter(TorchDispatchMode):
    """Books operators by module name while it is entered; instruments the copy that it is given."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated this constructor
        self.model = model
        self.booked: defaultdict[str, Work] = defaultdict(Work)
        self.unknown: defaultdict[str, Counter[str]] = defaultdict(Counter)  # operator -> module -> calls
        self.attention = attention_names(model)
        self._running: list[str] = []
        self._weights: dict[int, tuple[Tensor, str]] = {}  # holds the tensor, so that its id stays its own
        for name, module in model.named_modules():
            self._watch(name, module)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with self:  # so that the parts of a composite operator come here
            out = decompose(func, args, kwargs)
        if out is NotImplemented:
            out = func(*args, **kwargs)
            self._book(self._owner(args), func, operator_work(func, args, kwargs, out))
        return out

    def _book(self, owner: str, func: Any, work: Work) -> None:
        self.booked[owner] += work
        if work.uncounted:
            self.unknown[func._schema.name][owner] += work.uncounted

    def uncounted(self) -> tuple[Uncounted, ...]:
        """Return the operators that could not be counted."""
        return tuple(Uncounted(name, calls.total(), tuple(calls)) for name, calls in self.unknown.items())

    def _owner(self, args: Any) -> str:
        name = self._running[-1] if self._running else ""
        if name in self.attention:
            return name
        makers = [self._weights[id(t)][1] for t in iter_tensors(args) if id(t) in self._weights]
        return makers[0] if makers else name

    def _watch(self, name: str, module: nn.Module) -> None:
        module.register_forward_pre_hook(lambda *_: self._running.append(name), prepend=True)
        module.register_forward_hook(lambda *_: self._leave())
        weights: Any = getattr(module, "weights", None)
        if is_attention(module) and weights is not None:
            vars(module)["weights"] = self._watched(name, weights)

    def _leave(self) -> None:
        self._running.pop()  # its value would replace the module's output

    def _watched(self, name: str, weights: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        @wraps(weights)
        def booked(x: Tensor) -> Tensor:
            self._running.append(name)
            w = weights(x)
            self._running.pop()
            self._weights[id(w)] = w, name
            return w

        return booked


def _meta_copy(model: nn.Module) -> nn.Module:
    """Copy a model without its data: every tensor that it holds becomes one on the meta device."""
    memo = {id(t): _meta(t) for module in model.modules() for t in iter_tensors(vars(module))}
    return copy.deepcopy(model, memo).eval()


def _meta(t: Tensor) -> Tensor:
    empty = t.detach().to("meta")
    return nn.Parameter(empty, t.requires_grad) if isinstance(t, nn.Parameter) else empty


def _dtype(model: nn.Module) -> torch.dtype:
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())


def _summary(counter: _Counter) -> Cost:
    seen: set[int] = set()
    modules = []
    for name, module in counter.model.named_modules():
        own = [p for p in module.parameters(recurse=False) if id(p) not in seen]  # a tied weight counts once
        seen.update(map(id, own))
        work = counter.booked[name] + Work(parameters=sum(p.numel() for p in own))
        modules.append(ModuleCost(name, type(module).__name__, work, name in counter.attention))
    whole, attention = sum_work(modules), sum_work(m for m in modules if m.attention)
    amounts = whole.parameters, whole.multiply_adds, whole.elementwise, whole.bytes_moved
    return Cost(*amounts, attention, tuple(modules), counter.uncounted())
