"""Specs as text and as JSON: ``SE(reduction=8)``, ``SE.timm()``, ``mymodule:MyGate(k=3)``, ``{"kind": "SE", ...}``.

Text comes from command lines and files of other people: it is read as a literal call, never evaluated. Code is imported
only where the user names its module.
"""

import ast
import inspect
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from senet.attention.custom import CustomSpec, custom_spec
from senet.attention.registry import SPECS
from senet.attention.spec import AttentionSpec, presets
from senet.attention.trusted_code import is_trusted
from senet.errors import UsageError, did_you_mean

logger = logging.getLogger(__name__)
LONGEST = 500
ADDRESS = re.compile(
    r"\s*(?P<module>(?:[A-Za-z]:[/\\\\])?[^()\"':]+):(?P<name>[^\W\d]\w*)\s*(?P<call>\(.*\))?\s*", re.DOTALL
)


def parse(text: str, *, imports: bool = True) -> AttentionSpec | None:
    """Read ``Name``, ``Name(key=literal, ...)``, ``Name.preset(...)``, ``MODULE.PATH:Name(...)`` or ``none``.

    Args:
        text: Of a spec.
        imports: Whether a module that it names may be imported, whose code then runs: it is the user who names it.

    Raises:
        UsageError: Anything else; names the nearest spec, preset or field.
    """
    if len(text) > LONGEST:
        raise UsageError(f"the attention spec has {len(text)} characters, more than {LONGEST}")
    if text.strip().lower() == "none":
        return None
    address = ADDRESS.fullmatch(text)
    if address is not None:
        call = _call(f"{address['name']}{address['call'] or '()'}", text)
        return _custom(f"{address['module'].strip()}:{address['name']}", _arguments(call, text), imports)
    call = _call(text.strip(), text)
    if not isinstance(call, ast.Call):
        return _build(_target(call, text), {}, text)
    arguments = _arguments(call, text)
    return _build(_target(call.func, text), arguments, text)


def to_dict(spec: AttentionSpec | None) -> dict[str, Any] | None:
    """Return a JSON-ready dict with the spec's ``kind`` and every field; None stays None.

    Raises:
        UsageError: A spec of the user's own class that was not named by its module, so that nobody could read it back.
    """
    if spec is None:
        return None
    mine: Any = spec
    if isinstance(mine, CustomSpec):
        return {"kind": mine.address, **mine.values, **({"code": mine.code} if mine.code else {})}
    if type(spec) not in SPECS.values():
        raise UsageError(
            f"{spec!r} cannot be saved: its class has no address",
            do='name its class: "MODULE.PATH:CLASS(...)", in Python senet.parse("MODULE.PATH:CLASS(...)")',
        )
    return {"kind": type(spec).__name__, **asdict(cast(Any, spec))}


def from_dict(data: Mapping[str, Any] | None, *, imports: bool = False) -> AttentionSpec | None:
    """Rebuild a spec from :func:`to_dict`'s result; fields left out take their default.

    Args:
        data: It.
        imports: As of :func:`parse`; a file of other people is not the user's word.

    Raises:
        UsageError: No such kind or field.
        UntrustedCodeError: Code that may not be imported.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping) or "kind" not in data:
        raise UsageError(f"an attention spec is an object with a kind, got {data!r:.100}")
    arguments = dict(data)
    kind = str(arguments.pop("kind"))
    if ADDRESS.fullmatch(kind):
        code = arguments.pop("code", None)
        spec = custom_spec(kind, arguments, imports)
        if imports and code not in (None, cast(CustomSpec, spec).code):
            what = f"the code of {kind} changed while the study ran"
            raise UsageError(what, do="run the same command again: other code makes other trials")
        warn_code_changed(spec, code)
        return spec
    return _build(_spec(kind), arguments, kind)


def _custom(address: str, arguments: dict[str, Any], imports: bool) -> AttentionSpec:
    if imports and not is_trusted(address):
        logger.warning("attention: %s is imported, its code runs", address)
    return custom_spec(address, arguments, imports)


def warn_code_changed(spec: object, code: object) -> None:
    """Say that the code of a block of the user's own is not what a file of weights says it was."""
    if isinstance(spec, CustomSpec) and code not in (None, spec.code):
        logger.warning("attention: the code of %s is not what the weights were trained with", spec)


def _call(text: str, whole: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of text like `1if`, refused below
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(whole) from error


def _arguments(call: ast.expr, text: str) -> dict[str, Any]:
    if not isinstance(call, ast.Call) or call.args or any(keyword.arg is None for keyword in call.keywords):
        raise UsageError(f"{text}: arguments of a spec are named, as in SE(reduction=16)")
    if isinstance(call.func, ast.Call):  # the arguments of the first call would be lost
        raise _unreadable(text)
    arguments: dict[str, Any] = {}
    for keyword in call.keywords:
        name = str(keyword.arg)
        if name in arguments:
            raise UsageError(f"{text}: {name} is given twice")
        arguments[name] = _literal(keyword, text)
    return arguments


def _target(node: ast.expr, text: str) -> Callable[..., AttentionSpec]:
    if isinstance(node, ast.Name):
        kind: Callable[..., AttentionSpec] = _spec(node.id)
        return kind
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        known = presets(_spec(node.value.id))
        if node.attr not in known:
            raise UsageError(f"{node.value.id} has no preset {node.attr!r}", do=did_you_mean(node.attr, known))
        preset: Callable[..., AttentionSpec] = getattr(_spec(node.value.id), node.attr)
        return preset
    raise _unreadable(text)


def _spec(name: str) -> Any:
    if name not in SPECS:
        raise UsageError(f"no attention is called {name!r}", do=did_you_mean(name, [*SPECS, "none"]))
    return SPECS[name]


def _literal(keyword: ast.keyword, text: str) -> Any:
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise UsageError(f"{text}: the value of {keyword.arg} is not a literal") from error


def _build(target: Callable[..., AttentionSpec], arguments: dict[str, Any], text: str) -> AttentionSpec:
    known = inspect.signature(target).parameters
    for name in arguments:
        if name not in known:
            raise UsageError(f"{text}: no argument is called {name!r}", do=did_you_mean(name, known))
    return target(**arguments)


def _unreadable(text: str) -> UsageError:
    do = "write it as SE(reduction=16), SE.timm(), MODULE.PATH:CLASS(key=value) or none"
    return UsageError(f"cannot read the attention spec {text!r}", do=do)
