"""A block of the user's own module, by its address: ``mymodule:MyGate(k=3)``, ``FILE.py:MyGate(k=3)``.

The address names a block, a ``torch.nn.Module`` that keeps to :class:`~senet.attention.AttentionBlock` and whose first
argument is the number of channels; or a spec, which builds one. Its code runs when it is imported, so only what the
user has named in this process is; what a file of weights names alone is not.
"""

import ast
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, cast

from torch import nn

from senet.attention.contract import EFFECT_REMEDY, Effect
from senet.attention.literals import literal_arguments, shell_quoted
from senet.attention.spec import SLOTS, AttentionSpec
from senet.errors import SenetError, UsageError, did_you_mean
from senet.utils.files import sha256
from senet.utils.importing import describe_error, import_object, source_file

_trusted: dict[str, tuple[Any, str]] = {}  # what the user has named in this process -> it, and its file's SHA-256 then


class UntrustedCodeError(SenetError, ValueError):
    """A file names code that the user has not named."""

    exit_code = 4


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
            raise UsageError(f"{self} cannot be built", where=where, do="mend the class or its arguments") from error
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
        spec = CustomSpec(_trusted_address(spec), spec.arguments)
    kind = own_class(spec.address)
    _require_unchanged(spec.address)
    _require_arguments(spec, kind)
    if not issubclass(kind, nn.Module):
        _require_made(spec, kind)
    return cast(AttentionSpec, CustomSpec(spec.address, spec.arguments, _trusted[spec.address][1]))


def is_trusted(address: str) -> bool:
    """Whether the user has named code in this process, so that it is imported."""
    return address in _trusted


def own_class(address: str) -> Any:
    """Import a class of the user's own, once.

    Raises:
        UsageError: No such module or class, or it declares no effect and no slot.
    """
    if address not in _trusted:
        kind = _imported(address)
        _trusted[address] = kind, _code_hash(address, kind)
    return _trusted[address][0]


def _imported(address: str) -> Any:
    kind = import_object(address)
    if not isinstance(kind, type):
        raise UsageError(f"{address} is a {type(kind).__name__}, not a class", do="name a block or a spec")
    if not issubclass(kind, nn.Module):
        _require_spec(address, kind)
    elif not isinstance(getattr(kind, "effect", None), Effect):
        raise UsageError(
            f"{address} does not say what it does to a map",
            do=EFFECT_REMEDY,
        )
    return kind


def source_hash(kind: type) -> str:
    """Return the SHA-256 of the file of a class; empty of one of senet's, or without a file."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return "" if file is None or kind.__module__.startswith("senet.") else _sha256(Path(file))


def _trusted_address(spec: CustomSpec) -> str:
    """Return the address by which the user has named what a file names: from another folder a path is another.

    Raises:
        UntrustedCodeError: There is none, or more than one.
    """
    same = [one for one in _trusted if _last_names(one) == _last_names(spec.address)]
    if spec.address in _trusted or len(same) == 1:
        return spec.address if spec.address in _trusted else same[0]
    raise UntrustedCodeError(
        f"the attention is code, {spec}; nothing is imported because a file names it",
        do=f"name it yourself: --attention {shell_quoted(spec)} (senet.parse({str(spec)!r}) in Python, before)",
    )


def _last_names(address: str) -> tuple[str, str]:
    """Return the last name of a module or file, and that of the class."""
    where, _, name = address.rpartition(":")
    return (PurePath(where).stem if where.endswith(".py") else where.rpartition(".")[2]), name


def _code_hash(address: str, kind: type) -> str:
    """Return the SHA-256 of the file that a class is written in, which need not be the module that is named."""
    module = sys.modules.get(kind.__module__)
    return source_hash(kind) if getattr(module, kind.__qualname__, None) is kind else _sha256(source_file(address))


def _sha256(file: Path | None) -> str:
    return "" if file is None or not file.is_file() else sha256(file)


def _require_unchanged(address: str) -> None:
    """Refuse code that is no longer what was imported: results would bear the name of what has not run."""
    kind, code = _trusted[address]
    if _code_hash(address, kind) not in ("", code):
        what = f"the code of {address} has changed since it was imported"
        raise UsageError(what, where=str(source_file(address)), do="start a new process: Python imports it once")


def _require_spec(address: str, kind: type) -> None:
    if getattr(kind, "slot", None) not in SLOTS:
        what = f"{address} is neither a block, which is a torch.nn.Module, nor a spec, which has a slot"
        raise UsageError(what, do='name a block, or say in the class of the spec: slot = "gate" or "convolution"')


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
        do = "mend the class or its arguments"
        raise UsageError(f"{spec} cannot be made", where=describe_error(error), do=do) from error
