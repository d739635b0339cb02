"""The state dict of a model that was pickled whole, off the stubs of its modules."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from senet.errors import WeightsError
from senet.weights.files.pickled.stubs import StubObject

DEEPEST, MOST = 100, 20_000  # modules within one another, and in all
PARTS = ("_parameters", "_buffers", "_modules")


def is_module_stub(value: object) -> bool:
    """Whether a value is a stub of a module."""
    state = value.state if isinstance(value, StubObject) else None
    return isinstance(state, dict) and all(isinstance(dict.get(state, part), dict) for part in PARTS)


def module_state_dict(module: object, where: str) -> dict[str, Tensor]:
    """Return a module's parameters and persistent buffers, as its ``state_dict()`` names them.

    Raises:
        WeightsError: Modules lie within one another without end.
    """
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, int, Any]] = [("", 0, module)]
    for _ in range(MOST):
        if not waiting:
            return found
        prefix, depth, one = waiting.pop()
        found |= {f"{prefix}{name}": value for name, value in _own(one)}
        if depth < DEEPEST:
            waiting += [(f"{prefix}{name}.", depth + 1, child) for name, child in _children(one)]
        elif any(_children(one)):
            break
    raise WeightsError(f"its modules are nested more than {DEEPEST} deep, or are more than {MOST:,}", where=where)


def _own(module: Any) -> Iterator[tuple[str, Tensor]]:
    passing = dict.get(module.state, "_non_persistent_buffers_set")
    passing = passing if isinstance(passing, set) else set()
    for part in ("_parameters", "_buffers"):
        for name, value in dict.items(_part(module, part)):
            if isinstance(name, str) and isinstance(value, Tensor) and not (part == "_buffers" and name in passing):
                yield name, value


def _children(module: Any) -> list[tuple[str, Any]]:
    children = dict.items(_part(module, "_modules"))
    return [(name, child) for name, child in children if isinstance(name, str) and is_module_stub(child)]


def _part(module: Any, name: str) -> dict[Any, Any]:
    part: dict[Any, Any] = dict.__getitem__(module.state, name)
    return part
