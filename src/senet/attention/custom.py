"""A block of the user's own module, by its address: ``mymodule:MyGate(k=3)``, ``FILE.py:MyGate(k=3)``.

The address names a block, a ``torch.nn.Module`` that keeps to :class:`~senet.attention.AttentionBlock` and whose first
argument is the number of channels; or a spec, which builds one. Its code runs when it is imported, so only what the
user has named in this process is; what a file of weights names alone is not.
"""

import ast
import inspect
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from torch import nn

from senet.attention.contract import Effect
from senet.attention.literals import literal_arguments
from senet.attention.spec import AttentionSpec
from senet.attention.trusted_code import code_hash, own_class, require_unchanged, trusted_address
from senet.errors import SenetError, UsageError, did_you_mean
from senet.utils.importing import describe_error


@dataclass(frozen=True, repr=False)
class CustomSpec:
    """A spec of the user's own; it prints as it is written.

    Args:
        address: ``MODULE.PATH:NAME`` or ``FILE.py:NAME``.
        arguments: Of what lies there, as text of Python literals: pairs of name and value, by name.
        code: SHA-256 of the file of the code, of which a study's trials are told apart.
    """

    address: str
    arguments: tuple[tuple[str, str], ...] = ()
    code: str = field(default="", compare=False)

    @property
    def slot(self) -> Literal["gate", "convolution"]:
        """Where its block stands: a spec says it, a block's effect does."""
        kind = own_class(self.address)
        if not issubclass(kind, nn.Module):
            slot: Literal["gate", "convolution"] = kind.slot
            return slot
        return "convolution" if kind.effect is Effect.REPLACES else "gate"

    def __call__(self, channels: int, out_channels: int | None = None, /, *, stride: int | None = None) -> nn.Module:
        """Build the block for a map of so many channels, or from so many to so many in a convolution's place."""
        sizes = [channels] if out_channels is None else [channels, out_channels]
        kind = own_class(self.address)
        try:
            named = {} if stride is None else {"stride": stride}
            made = kind if issubclass(kind, nn.Module) else kind(**self.values)
            block: nn.Module = made(*sizes, **named, **(self.values if made is kind else {}))
        except SenetError:
            raise
        except Exception as error:  # a user's class may raise anything
            where = f"{', '.join(map(str, sizes))} channels: {describe_error(error)}"
            raise UsageError(f"{self} cannot be built", where=where, do="fix the class or its arguments") from error
        return block

    def __repr__(self) -> str:
        return f"{self.address}({', '.join(f'{name}={value}' for name, value in self.arguments)})"

    @property
    def values(self) -> dict[str, Any]:
        """The arguments."""
        return {name: ast.literal_eval(value) for name, value in self.arguments}


def custom_spec(address: str, arguments: dict[str, Any], imports: bool) -> AttentionSpec:
    """Return a spec of the user's own.

    Args:
        address: Of its class.
        arguments: Of the class.
        imports: Whether the user names it, so that it may be imported; else it has to have been named before.

    Raises:
        UntrustedCodeError: It may not be imported.
        UsageError: It is neither a block nor a spec, or takes no such arguments.
    """
    spec = CustomSpec(address, literal_arguments(address, arguments))
    if not imports:
        spec = CustomSpec(trusted_address(spec), spec.arguments)
    kind = own_class(spec.address)
    require_unchanged(spec.address)
    _require_arguments(spec, kind)
    if not issubclass(kind, nn.Module):
        _require_made(spec, kind)
    return cast(AttentionSpec, CustomSpec(spec.address, spec.arguments, code_hash(spec.address)))


def _require_arguments(spec: CustomSpec, kind: type) -> None:
    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):  # of a class that is not written in Python
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    sized = (2 if spec.slot == "convolution" else 1) if issubclass(kind, nn.Module) else 0  # senet gives these
    known = [name for name in [*parameters][sized:] if name != "stride" or not sized]
    for name, _ in spec.arguments:
        if name not in known:
            do = did_you_mean(name, known) if known else f"it takes none: {spec.address}"
            raise UsageError(f"{spec}: no argument is called {name!r}", do=do)


def _require_made(spec: CustomSpec, kind: Any) -> None:
    try:
        kind(**spec.values)
    except Exception as error:  # a user's class may raise anything
        do = "fix the class or its arguments"
        raise UsageError(f"{spec} cannot be made", where=describe_error(error), do=do) from error
