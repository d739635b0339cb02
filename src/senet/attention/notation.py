"""Specs as text and as JSON: ``SE(reduction=8)``, ``SE.timm()``, ``{"kind": "SE", "reduction": 8}``.

Text comes from command lines and files of other people: it is read as a literal call, never evaluated.
"""

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from senet.attention.cbam import CBAM
from senet.attention.selective_kernel import SK
from senet.attention.spec import AttentionSpec
from senet.attention.squeeze_excite import SE
from senet.errors import UsageError, nearest

SPECS: dict[str, type[SE] | type[CBAM] | type[SK]] = {"SE": SE, "CBAM": CBAM, "SK": SK}
PRESETS: dict[str, tuple[str, ...]] = {"SE": ("paper", "caffe", "timm", "torchvision", "mobilenet_v3")}
LONGEST = 500


def parse(text: str) -> AttentionSpec | None:
    """Read ``Name``, ``Name(key=literal, ...)``, ``Name.preset(...)`` or ``none``.

    Raises:
        UsageError: Anything else; names the nearest spec, preset or field.
    """
    if len(text) > LONGEST:
        raise UsageError(f"an attention spec of {len(text)} characters; {LONGEST} is the most")
    if text.strip().lower() == "none":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of text like `1if`, refused below
            call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(text) from error
    if not isinstance(call, ast.Call):
        return _build(_target(call, text), {}, text)
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise UsageError(f"{text}: arguments of a spec are named, as in SE(reduction=16)")
    arguments: dict[str, Any] = {}
    for keyword in call.keywords:
        name = str(keyword.arg)
        if name in arguments:
            raise UsageError(f"{text}: {name} is given twice")
        arguments[name] = _literal(keyword, text)
    return _build(_target(call.func, text), arguments, text)


def to_dict(spec: AttentionSpec | None) -> dict[str, Any] | None:
    """Return a JSON-ready dict with the spec's ``kind`` and every field; None stays None."""
    return None if spec is None else {"kind": type(spec).__name__, **asdict(cast(Any, spec))}


def from_dict(data: Mapping[str, Any] | None) -> AttentionSpec | None:
    """Rebuild a spec from :func:`to_dict`'s result; fields left out take their default.

    Raises:
        UsageError: No such kind or field.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping) or "kind" not in data:
        raise UsageError(f"an attention spec is an object with a kind, got {data!r:.100}")
    arguments = dict(data)
    kind = arguments.pop("kind")
    return _build(_spec(str(kind)), arguments, str(kind))


def _target(node: ast.expr, text: str) -> Callable[..., AttentionSpec]:
    if isinstance(node, ast.Name):
        return _spec(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        kind, presets = _spec(node.value.id), PRESETS.get(node.value.id, ())
        if node.attr not in presets:
            raise UsageError(f"{node.value.id} has no preset {node.attr!r}", do=nearest(node.attr, presets))
        return cast(Callable[..., AttentionSpec], getattr(kind, node.attr))
    raise _unreadable(text)


def _spec(name: str) -> Callable[..., AttentionSpec]:
    if name not in SPECS:
        raise UsageError(f"no attention is called {name!r}", do=nearest(name, [*SPECS, "none"]))
    return cast(Callable[..., AttentionSpec], SPECS[name])


def _literal(keyword: ast.keyword, text: str) -> Any:
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise UsageError(f"{text}: the value of {keyword.arg} is not a literal") from error


def _build(target: Callable[..., AttentionSpec], arguments: dict[str, Any], text: str) -> AttentionSpec:
    known = inspect.signature(target).parameters
    for name in arguments:
        if name not in known:
            raise UsageError(f"{text}: no argument is called {name!r}", do=nearest(name, known))
    return target(**arguments)


def _unreadable(text: str) -> UsageError:
    return UsageError(f"cannot read the attention spec {text!r}", do="write it as SE(reduction=16), SE.timm() or none")
