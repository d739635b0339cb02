"""Code of the user's own that may be imported: what the user has named in this process, and no file."""

import sys
from pathlib import Path, PurePath
from typing import Any

from torch import nn

from senet.attention.contract import EFFECT_REMEDY, Effect
from senet.attention.literals import shell_quoted
from senet.attention.spec import SLOTS
from senet.errors import SenetError, UsageError
from senet.utils.files import sha256
from senet.utils.importing import import_object, source_file

_trusted: dict[str, tuple[Any, str]] = {}  # what the user has named in this process -> it, and its file's SHA-256 then


class UntrustedCodeError(SenetError, ValueError):
    """A file names code that the user has not named."""

    exit_code = 4


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
        _trusted[address] = kind, _hash_now(address, kind)
    return _trusted[address][0]


def code_hash(address: str) -> str:
    """Return the SHA-256 that the file of trusted code had when it was imported; empty without a file."""
    return _trusted[address][1]


def trusted_address(spec: Any) -> str:
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


def _imported(address: str) -> Any:
    kind = import_object(address)
    if not isinstance(kind, type):
        raise UsageError(f"{address} is a {type(kind).__name__}, not a class", do="name a block or a spec")
    if not issubclass(kind, nn.Module):
        _require_spec(address, kind)
    elif not isinstance(getattr(kind, "effect", None), Effect):
        raise UsageError(
            f"{address} declares no effect",
            do=EFFECT_REMEDY,
        )
    return kind


def source_hash(kind: type) -> str:
    """Return the SHA-256 of the file of a class; empty of one of senet's, or without a file."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return "" if file is None or kind.__module__.startswith("senet.") else _sha256(Path(file))


def _hash_now(address: str, kind: type) -> str:
    """Return the SHA-256 of the file that a class is written in, which need not be the module that is named."""
    module = sys.modules.get(kind.__module__)
    return source_hash(kind) if getattr(module, kind.__qualname__, None) is kind else _sha256(source_file(address))


def _sha256(file: Path | None) -> str:
    return "" if file is None or not file.is_file() else sha256(file)


def require_unchanged(address: str) -> None:
    """Refuse code that is no longer what was imported: results would bear the name of what has not run."""
    kind, code = _trusted[address]
    if _hash_now(address, kind) not in ("", code):
        what = f"the code of {address} has changed since it was imported"
        raise UsageError(what, where=str(source_file(address)), do="start a new process: Python imports it once")


def _require_spec(address: str, kind: type) -> None:
    if getattr(kind, "slot", None) not in SLOTS:
        what = f"{address} is neither a block, which is a torch.nn.Module, nor a spec, which has a slot"
        raise UsageError(what, do='name a block, or say in the class of the spec: slot = "gate" or "convolution"')
