"""Methods that run the blocks of a module that holds some."""

from collections.abc import Callable
from functools import partial, wraps
from types import FunctionType, MethodType
from typing import Any

from torch import nn

from senet.insertion.blocks.call_plan import plan_call
from senet.insertion.blocks.call_steps import children_with_steps
from senet.insertion.blocks.classes import RAN_BLOCKS, RUNS_BLOCKS, current_forward, is_forward_replaced
from senet.insertion.blocks.inserted import RECORDS_ATTRIBUTE, records, without_blocks
from senet.insertion.blocks.views import view


def method_with_blocks(
    current: Callable[[], Callable[..., Any]], function: Callable[..., Any], name: str
) -> Callable[..., Any]:
    """Return a method that runs a function on a view of the module in which the blocks run.

    Args:
        current: Returns what to run: a class may get another forward later.
        function: What that is today, whose signature the method has.
        name: Of the method; ``forward`` is what the module's own input and output belong to.
    """

    @wraps(function)
    def method(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if is_forward_replaced(self):
            self.__dict__[RAN_BLOCKS] = current_forward(self)
        plan = plan_call(self, args if name == "forward" else None)
        own = without_blocks(children_with_steps(self, plan.steps), records(self))  # a forward may loop over them
        seen = view(self, {"_modules": own, RECORDS_ATTRIBUTE: ()})
        output = current()(seen, *(plan.args or args), **kwargs)
        for block in plan.last:
            output = block(output)
        return output

    setattr(method, RUNS_BLOCKS, True)
    return method


def rebind_forward(module: nn.Module, value: Any) -> Any:
    """Let a forward that was put on a module, not on its class, run with the blocks, if it is the module's method.

    One that keeps the forward before, to call it, is left as it is: that runs them.
    """
    if isinstance(value, partial) and isinstance(value.func, FunctionType) and value.args and value.args[0] is module:
        method = rebind_forward(module, MethodType(value.func, module))
        return partial(method, *value.args[1:], **value.keywords)
    if isinstance(value, partial):
        return partial(
            rebind_forward(module, value.func), *(rebind_forward(module, v) for v in value.args), **value.keywords
        )
    if isinstance(value, MethodType) and value.__self__ is module and not _keeps_method(value.__func__, module):
        function: Any = value.__func__
        function = function.__wrapped__ if hasattr(function, RUNS_BLOCKS) else function
        return MethodType(method_with_blocks(lambda: function, function, "forward"), module)
    return value


def _keeps_method(function: Any, module: nn.Module) -> bool:
    """Whether a function holds a method of a module, in its closure or as a default."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    defaults = [
        *(getattr(function, "__defaults__", None) or ()),
        *(getattr(function, "__kwdefaults__", None) or {}).values(),
    ]
    return any(isinstance(value, MethodType) and value.__self__ is module for value in cells + defaults)
