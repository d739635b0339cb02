"""The class of a module that holds blocks: a subclass, made here, whose forward runs with them.

As ``torch.nn.utils.parametrize`` does, the class is changed and the module is not, so names, keys, hooks and identity
stay. A block belongs to the module whose forward calls what the block follows, so that may be converted, frozen, fused
or replaced. Name and ``isinstance`` are those of the class before.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

from torch import nn

from senet.attention.state_dict_hooks import AcceptNames, accept_names
from senet.errors import UsageError
from senet.insertion.blocks.classes import (
    BLOCK_CLASSES,
    ORIGINAL_CLASSES,
    RAN_BLOCKS,
    RUNS_BLOCKS,
    Kind,
    block_class_of,
    copy_methods,
)
from senet.insertion.blocks.guards import GUARDS, guarded_call
from senet.insertion.blocks.inserted import RECORDS_ATTRIBUTE, InsertedBlock, records
from senet.insertion.blocks.methods import method_with_blocks, rebind_forward
from senet.insertion.blocks.sequential import SEQUENTIAL_METHODS
from senet.insertion.blocks.views import subclass

MODULE_ATTRIBUTES = frozenset(dir(nn.Module))


def add_block(module: nn.Module, inserted: InsertedBlock, block: nn.Module) -> None:
    """Let a module hold a block and run it, in place; the block stands behind what it follows, in the order of running.

    Raises:
        UsageError: Its class allows no subclass.
    """
    object.__setattr__(module, "__class__", block_class(type(module)))
    kept = {name: value for name, value in vars(module).items() if _is_forward(getattr(value, "__name__", name))}
    vars(module).update({name: rebind_forward(module, value) for name, value in kept.items()})
    later = _later(module, inserted)
    module._modules[inserted.child] = block
    for name in later:
        module._modules[name] = module._modules.pop(name)
    vars(module)[RECORDS_ATTRIBUTE] = (*records(module), inserted.with_aliases(module))
    former = inserted.init_name.removeprefix(inserted.place.owner).lstrip(".")
    if former != inserted.child:
        accept_names(module, {f"{former}.": f"{inserted.child}."})


def _later(module: nn.Module, inserted: InsertedBlock) -> list[str]:
    """Return the children that run after a block: those behind what it follows, and behind its other blocks."""
    head, names = inserted.path[:1], list(module._modules)
    if not head:
        return []
    earlier = [head[0], *(r.child for r in records(module) if r.path[:1] == head)]
    return names[max(names.index(name) for name in earlier) + 1 :]


def remove_blocks(module: nn.Module) -> tuple[InsertedBlock, ...]:
    """Take all blocks off a module, in place, and return what they were."""
    held = records(module)
    for inserted in held:
        module._modules.pop(inserted.child, None)
    hooks = module._load_state_dict_pre_hooks
    for key in [key for key, hook in hooks.items() if _reads_former(hook, held)]:
        del hooks[key]
    del vars(module)[RECORDS_ATTRIBUTE]
    vars(module).pop(RAN_BLOCKS, None)
    for name, value in [*vars(module).items()]:
        function: Any = getattr(value, "__func__", None)
        if isinstance(value, MethodType) and hasattr(function, RUNS_BLOCKS):
            vars(module)[name] = MethodType(function.__wrapped__, module)
    if type(module) in ORIGINAL_CLASSES:
        object.__setattr__(module, "__class__", ORIGINAL_CLASSES[type(module)])
    return held


def _reads_former(hook: Any, held: tuple[InsertedBlock, ...]) -> bool:
    accepts = getattr(hook, "hook", hook)
    ours = {f"{inserted.child}." for inserted in held}
    return isinstance(accepts, AcceptNames) and ours.issuperset(accepts.names.values())


def block_class(kind: Kind) -> Kind:
    """Return the subclass of a class whose instances run the blocks that they hold.

    Raises:
        UsageError: It allows none.
    """
    if block_class_of(kind) is not None:
        return kind
    if kind not in BLOCK_CLASSES:
        BLOCK_CLASSES[kind] = _subclass(kind)
        ORIGINAL_CLASSES[BLOCK_CLASSES[kind]] = kind
    return BLOCK_CLASSES[kind]


def _subclass(kind: Kind) -> Kind:
    forwards = {
        name: method_with_blocks(partial(getattr, kind, name), function, name) for name, function in _forwards(kind)
    }
    sequence = SEQUENTIAL_METHODS if issubclass(kind, nn.Sequential) else {}
    try:
        return subclass(kind, forwards | sequence | copy_methods(kind) | GUARDS | {"__call__": guarded_call(kind)})
    except Exception as error:  # a metaclass or __init_subclass__ may refuse with any error
        what = f"{kind.__name__} allows no subclass, so it can hold no block: {error}"
        raise UsageError(what, do="name other modules by a glob, where= (--where)") from error


def _forwards(kind: Kind) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the methods of a class that compute: ``forward*``, and what they call, such as ``encode``: users do too."""
    seen, names = set[str](), [name for name in dir(kind) if _is_forward(name)]
    while names:
        name = names.pop()
        function = inspect.getattr_static(kind, name, None)
        if name in seen or not isinstance(function, FunctionType) or (name in MODULE_ATTRIBUTES and name != "forward"):
            continue
        seen.add(name)
        names += [called for base in kind.__mro__ for called in _mentioned(vars(base).get(name))]
        yield name, function
    if "forward" not in seen:  # no function, but something else that can be called
        yield "forward", kind.forward


def _mentioned(function: Any) -> Iterator[str]:
    """Yield the names of attributes that a function's code, and functions within, may read."""
    codes = [code] if (code := getattr(inspect.unwrap(function), "__code__", None)) else []
    while codes:
        code = codes.pop()
        yield from code.co_names
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _is_forward(name: str) -> bool:
    return name.lstrip("_").startswith("forward")
