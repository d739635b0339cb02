"""Modules as one call sees them: shallow copies that differ in their children, or in what runs when they are called.

A copy shares parameters, buffers, hooks and all that the module keeps; what is set on it is set on the module. It lives
for one call, so calls in several threads, in gradient checkpointing or within one another do not meet. Its class is a
subclass of the module's, so ``isinstance``, ``super()`` and methods are as they are.
"""

import copyreg
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, cast

import torch
from torch import nn

from senet.errors import UsageError

REAL, CALL = "_real", "_called"
COMPILED = "_compiled_call_impl"  # what Module.compile() sets, which runs the module itself and not its copy
NEWOBJ: Any = vars(copyreg)["__newobj__"]  # what pickle makes a module with, unless its class says otherwise
BOUND = (MethodType, partial)
Forward = Callable[..., Any]
_views: dict[type[nn.Module], type[nn.Module]] = {}
_stand_ins: dict[type[nn.Module], type[nn.Module]] = {}


def view(module: nn.Module, other: dict[str, Any]) -> nn.Module:
    """Return a copy of a module in which some attributes are others, such as its ``_modules``.

    Methods that the module keeps as attributes are the copy's, as are those that were put in the place of its forward.
    """
    new = _shallow(_kind(module, _views, VIEW_METHODS), module, {COMPILED: None, **other})
    for name, value in module.__dict__.items():
        if type(value) in BOUND and name not in other:
            new.__dict__[name] = _bound(value, module, new)
    return new


def view_running(module: nn.Module, run: Forward) -> nn.Module:
    """Return a copy of a module that runs something else when it is called."""
    return _shallow(_kind(module, _stand_ins, VIEW_METHODS | CALL_METHODS), module, {CALL: run})


def unwrap(module: Any) -> Any:
    """Return the module that a copy was made of; anything else as it is."""
    return module.__dict__[REAL] if isinstance(module, nn.Module) and REAL in module.__dict__ else module


def _shallow(kind: type[nn.Module], module: nn.Module, other: dict[str, Any]) -> nn.Module:
    new = object.__new__(kind)
    object.__setattr__(new, "__dict__", {**module.__dict__, REAL: unwrap(module), **other})
    return new


def _bound(value: Any, module: nn.Module, new: nn.Module) -> Any:
    """Return what is bound to a module, or has it as an argument, with its copy in its place."""
    if isinstance(value, partial):
        arguments = (_bound(v, module, new) for v in value.args)
        return partial(_bound(value.func, module, new), *arguments, **value.keywords)
    if isinstance(value, MethodType) and value.__self__ is module:
        return partial(value.__func__, new)  # as MethodType(), which torch.compile cannot read
    return new if value is module else value


def can_run_as_copy(module: nn.Module) -> bool:
    """Whether a copy of a module runs on its own children: the forward is its class's, or is bound to the module."""
    forward = module.__dict__.get("forward")
    return forward is None or _is_bound(forward, module)


def _is_bound(value: Any, module: nn.Module) -> bool:
    if isinstance(value, partial):
        return any(_is_bound(v, module) for v in (value.func, *value.args))
    return value is module or (isinstance(value, MethodType) and value.__self__ is module)


def _kind(module: nn.Module, made: dict[type[nn.Module], type[nn.Module]], methods: dict[str, Any]) -> type[nn.Module]:
    if _prepare(module):
        return made[type(module)]
    return subclass(type(module), methods | _own_children(type(module)))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # a compiler must run it, not read it
def _prepare(module: nn.Module) -> bool:
    """Make the classes of a module's copies, unless it is one of the proxies that torch.export makes, a class each."""
    kind = type(module)
    if kind in _views:  # which another thread reads as it is written: it comes last
        return True
    if isinstance(getattr(kind, "_modules", None), property):
        return False
    made = {"__new__": staticmethod(partial(_new, kind))}
    _stand_ins[kind] = subclass(kind, VIEW_METHODS | CALL_METHODS | made)
    _views[kind] = subclass(kind, VIEW_METHODS | made)
    return True


def _new(kind: type[nn.Module], _: object, *args: Any, **kwargs: Any) -> nn.Module:
    """Return a module where the class of a copy is called: ``self.__class__(...)`` in a forward."""
    return kind(*args, **kwargs)


def _own_children(kind: Any) -> dict[str, Any]:
    """Return methods by which a copy of a proxy has the children that it was given.

    torch.export makes proxies where a module has two names, such as an activation that all layers share. They look
    each child up in the model, and would leave out what runs around it.
    """

    def child_or_proxy(self: nn.Module, name: str) -> Any:
        child = self.__dict__["_modules"].get(name)
        return child if child is not None and REAL in child.__dict__ else kind.__getattr__(self, name)

    return {"_modules": property(lambda self: self.__dict__["_modules"]), "__getattr__": child_or_proxy}


def subclass(kind: type[nn.Module], methods: dict[str, Any]) -> type[nn.Module]:
    """Make a subclass that goes by the name of its class."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    metaclass: Any = type(kind)
    return cast(type[nn.Module], metaclass(kind.__name__, (kind,), names | methods))


def _call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
    return self.__dict__[CALL](*args, **kwargs)


def _set(self: nn.Module, name: str, value: Any) -> None:
    if name == "__class__":
        what = f"a {type(self).__name__} cannot be made a {value.__name__} where its blocks run with it"
        raise UsageError(what, do="change the module itself, parent._modules[name], before insertion")
    descriptor = getattr(type(self), name, None)
    if isinstance(descriptor, property):  # what it sets in turn comes here again
        descriptor.__set__(self, value)
        return
    setattr(self.__dict__[REAL], name, unwrap(value))
    _take_over(self, name)


def _delete(self: nn.Module, name: str) -> None:
    delattr(self.__dict__[REAL], name)
    _take_over(self, name)


def _add(self: nn.Module, name: str, module: nn.Module | None) -> None:
    self.__dict__[REAL].add_module(name, unwrap(module))
    _take_over(self, name)


def _compile(self: nn.Module, *args: Any, **kwargs: Any) -> None:
    self.__dict__[REAL].compile(*args, **kwargs)


def _take_over(self: nn.Module, name: str) -> None:
    """Let a copy have what its module has under a name, wherever that keeps it."""
    module = vars(self.__dict__[REAL])
    for mine, theirs in ((self.__dict__, module), (self.__dict__["_modules"], module["_modules"])):
        mine.pop(name, None)
        if name in theirs:
            mine[name] = theirs[name]


def _hash(self: nn.Module) -> int:
    return hash(self.__dict__[REAL])


def _equals(self: nn.Module, other: object) -> bool:
    return unwrap(other) is self.__dict__[REAL]


def _reduce(self: nn.Module, protocol: object) -> tuple[Any, ...]:
    """Pickle a copy as a module of the class that it is a copy of."""
    state = {name: value for name, value in vars(self).items() if name not in (REAL, CALL)}
    return NEWOBJ, (type(self.__dict__[REAL]),), state


CALL_METHODS = {"__call__": _call}
# Whoever keeps modules in a dictionary, as torch.fx does, finds the module that a copy stands for.
VIEW_METHODS: dict[str, Any] = {
    "__setattr__": _set,
    "__delattr__": _delete,
    "add_module": _add,
    "compile": _compile,
    "__hash__": _hash,
    "__eq__": _equals,
    "__reduce_ex__": _reduce,
}
