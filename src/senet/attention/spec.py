"""What every attention spec has in common: its kinds, what it declares, the check of its fields and how it prints.

A spec is a frozen dataclass that holds a paper's sizing rule and each choice that the paper ablates. Calling
it builds the block. Nothing but this file and :mod:`senet.attention.notation` looks inside one.
"""

import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, ClassVar, Literal, Protocol, Union, cast, get_args, get_origin, get_type_hints

from torch import nn

from senet.attention.contract import Effect, require_block
from senet.attention.smoke_test import smoke_test
from senet.errors import UsageError, did_you_mean


class GateSpec(Protocol):
    """Sizing rule of a block over a map, which multiplies it or adds to it: a network calls it once per gate slot."""

    slot: ClassVar[Literal["gate"]]

    def __call__(self, channels: int, /) -> nn.Module:
        """Build the :class:`~senet.attention.AttentionBlock` for a map of so many channels."""


class ConvSpec(Protocol):
    """Sizing rule of a block in the place of a convolution with its batch norm and ReLU."""

    slot: ClassVar[Literal["convolution"]]

    def __call__(self, in_channels: int, out_channels: int, /, *, stride: int) -> nn.Module:
        """Build the block, (B, in_channels, H, W) -> (B, out_channels, H/stride, W/stride)."""


AttentionSpec = GateSpec | ConvSpec
SLOTS = ("gate", "convolution")


def is_spec(value: object) -> bool:
    """Whether a value is a spec: SE() is one, SE is none."""
    return not isinstance(value, type) and getattr(value, "slot", None) in SLOTS


def build_gate(spec: GateSpec, channels: int) -> nn.Module:
    """Build a spec's block for a map of so many channels.

    Raises:
        UsageError: No such width, or a block that does not keep to the contract.
    """
    return _of_slot(require_block(spec(channels), spec), spec, (channels,))


def build_convolution(spec: ConvSpec, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Build a spec's block in the place of a convolution.

    Raises:
        UsageError: No such width, or a block that does not keep to the contract.
    """
    block = require_block(spec(in_channels, out_channels, stride=stride), spec)
    return _of_slot(block, spec, (in_channels, out_channels, stride))


def _of_slot(block: nn.Module, spec: AttentionSpec, sizes: tuple[int, ...]) -> nn.Module:
    effect = cast(Any, block).effect
    if (effect is Effect.REPLACES) != (spec.slot == "convolution"):
        kind = type(block).__name__
        raise UsageError(
            f"{spec}: slot={spec.slot!r}, but its {kind} {effect.value}",
            do='slot="convolution" is of blocks with Effect.REPLACES, slot="gate" of the others',
        )
    smoke_test(block, spec, sizes)
    return block


def presets(kind: type) -> tuple[str, ...]:
    """Return the names of a spec's class methods that make one: ``SE.timm()``."""
    return tuple(name for name, value in vars(kind).items() if isinstance(value, classmethod))


def hidden_fields(spec: AttentionSpec) -> dict[str, Any]:
    """Return the fields of a spec that shapes and names of its weights do not show; all where it does not say.

    Weights of a spec that differs in one of them would load and compute something else.
    """
    given: Any = spec
    if not is_dataclass(given):
        return {"spec": given}  # a user's own: as a whole
    shown = getattr(spec, "shown", ())
    compared = [field.name for field in fields(given) if field.compare and field.name not in shown]
    return {name: getattr(spec, name) for name in compared}


def check_declarations(kind: type) -> type:
    """Return a public spec's class, or raise where it declares too little: runs when senet is imported.

    Raises:
        TypeError: It is no frozen dataclass, or lacks a slot or what shapes show of its fields; names a field that it
            lacks, or has one of a type that cannot be checked.
    """
    if not is_dataclass(kind) or not cast(Any, kind).__dataclass_params__.frozen:
        raise TypeError(f"{kind.__name__} is no frozen dataclass")
    if getattr(kind, "slot", None) not in SLOTS:
        raise TypeError(f'{kind.__name__}: slot is neither "gate" nor "convolution"')
    if not isinstance(vars(kind).get("shown"), tuple):
        raise TypeError(f"{kind.__name__}.shown does not say which fields the shapes of its weights show")
    unknown = set(cast(Any, kind).shown) - {field.name for field in fields(kind)}
    if unknown:
        raise TypeError(f"{kind.__name__}.shown names no field: {', '.join(sorted(unknown))}")
    _require_checked(kind)
    return kind


def _require_checked(kind: Any) -> None:
    """Refuse a spec whose fields have no default, are not checked, or are printed where they have it."""
    if repr(kind()) != f"{kind.__name__}()":
        raise TypeError(f"{kind.__name__}: __repr__ = spec_repr is missing, or @dataclass(frozen=True, repr=False)")
    for field in fields(kind):
        try:
            kind(**{field.name: object()})
        except UsageError:
            continue
        raise TypeError(f"{kind.__name__}.{field.name} is not checked: __post_init__ calls check_fields(self)")


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


def lists_to_tuples(value: object) -> object:
    """Turn lists and lists of lists, which JSON and TOML have, into tuples."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(tuple(v) if isinstance(v, list) else v for v in value)


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
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_describe(arg) for arg in get_args(hint))
    return "None" if hint is type(None) else f"of type {hint.__name__ if get_origin(hint) is None else hint}"


def _remedy(value: object, hint: Any) -> str:
    return did_you_mean(value, get_args(hint)) if get_origin(hint) is Literal and isinstance(value, str) else ""
