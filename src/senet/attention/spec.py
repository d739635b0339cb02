"""What every attention spec has in common: its kinds, the check of its fields and how it prints.

A spec is a frozen dataclass that holds a paper's sizing rule and each choice that the paper ablates. Calling
it builds the block. Nothing but this file and :mod:`senet.attention.notation` looks inside one.
"""

import types
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from senet.errors import UsageError, nearest


class Gate(Protocol):
    """A block that weighs a map: keeps (B, C, H, W) and the dtype; its weights end in a child called ``gate``."""

    gate: nn.Module

    def weights(self, x: Tensor) -> Tensor:
        """Return what multiplies x, broadcastable to it."""


def has_gate(module: nn.Module) -> bool:
    """Whether a module is an attention block, ours or one that keeps to :class:`Gate`."""
    return isinstance(getattr(module, "gate", None), nn.Module) and hasattr(module, "weights")


class GateSpec(Protocol):
    """Sizing rule of a block that weighs a map: a network calls it once per gate slot."""

    slot: ClassVar[Literal["gate"]]

    def __call__(self, channels: int, /) -> nn.Module:
        """Build the :class:`Gate` for a map of so many channels."""


class ConvSpec(Protocol):
    """Sizing rule of a block in the place of a convolution with its batch norm and ReLU."""

    slot: ClassVar[Literal["convolution"]]

    def __call__(self, in_channels: int, out_channels: int, /, *, stride: int) -> nn.Module:
        """Build the block, (B, in_channels, H, W) -> (B, out_channels, H/stride, W/stride)."""


AttentionSpec = GateSpec | ConvSpec


def check_fields(spec: Any) -> None:
    """Check each field of a spec against its annotation; specs arrive from TOML, JSON and the command line.

    Raises:
        UsageError: A value of another type, or outside the choices of a ``Literal``.
    """
    hints = get_type_hints(type(spec))
    for field in fields(spec):
        value, hint = getattr(spec, field.name), hints[field.name]
        if not _fits(value, hint):
            raise UsageError(
                f"{type(spec).__name__}: {field.name}={value!r} is not {_describe(hint)}",
                do=_remedy(value, hint),
            )


def check_positive(spec: Any, *names: str) -> None:
    """Refuse counts below one."""
    for name in names:
        if getattr(spec, name) < 1:
            raise UsageError(f"{type(spec).__name__}: {name}={getattr(spec, name)} is below 1")


def spec_repr(spec: Any) -> str:
    """Print a spec as the call that makes it, without the fields that have their default value."""
    shown = [f"{f.name}={getattr(spec, f.name)!r}" for f in fields(spec) if getattr(spec, f.name) != _default(f)]
    return f"{type(spec).__name__}({', '.join(shown)})"


def _default(field: Field[Any]) -> object:
    return None if field.default is MISSING else field.default


def _fits(value: object, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in (Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(v, args[0]) for v in value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_describe(arg) for arg in get_args(hint))
    return "None" if hint is type(None) else f"of type {hint.__name__ if get_origin(hint) is None else hint}"


def _remedy(value: object, hint: Any) -> str:
    return nearest(value, get_args(hint)) if get_origin(hint) is Literal and isinstance(value, str) else ""
