"""What a run is: what may differ between a run and its continuation, and what may not."""

import hashlib
import platform
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import senet
from senet.data import classes
from senet.errors import UsageError
from senet.training.recipe import Recipe, to_dict

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed


def identity(model: nn.Module, feed: "Feed", recipe: Recipe, seed: int, ranks: int = 1) -> dict[str, Any]:
    """Return what defines a run, by key; ``environment.`` entries may change, with a notice."""
    return {
        **flat(to_dict(recipe), "recipe."),
        "seed": seed,
        "data": feed.fingerprint(),
        "classes": list(feed.classes),
        "network": _shapes(model),
        "environment.senet": senet.__version__,
        "environment.torch": torch.__version__,
        "environment.machine": f"{platform.system()} {platform.machine()}",
        "environment.device": next(model.parameters()).device.type,
        "environment.ranks": ranks,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))


def require_same(before: Mapping[str, Any], now: Mapping[str, Any], allow: Collection[str]) -> list[str]:
    """Refuse to continue as another run.

    Args:
        before: What the checkpoint was saved with.
        now: What is to continue.
        allow: Keys that the user lets change.

    Returns:
        What changed and may, in words.

    Raises:
        UsageError: Something else changed; all of it is listed.
        DataError: The classes did; with a table of their old and new numbers.
    """
    changed = differences(before, now)
    refused = [
        key
        for key in changed
        if key not in allow and not key.startswith("environment.") and not _raised(key, before, now)
    ]
    if "classes" in refused:
        classes.require_same(before["classes"], now["classes"], where="the checkpoint")
    if refused:
        raise UsageError(
            "this is not the run that the checkpoint is of: " + "; ".join(words(key, before, now) for key in refused),
            do="go back to what it was, take another folder, or allow the change by name: " + ", ".join(refused),
        )
    return [words(key, before, now) for key in changed]


def _raised(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return key == "recipe.epochs" and bool(now[key] > before[key])


def words(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say how a value differs."""
    old, new = (_short(values.get(key)) for values in (before, now))
    return f"{key} {old} -> {new}"


def _short(value: Any) -> str:
    text = "(off)" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:16]}..."


def flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested tables as one, their keys joined by dots."""
    entries: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            entries |= flat(value, f"{prefix}{key}.")
        else:
            entries[prefix + key] = list(value) if isinstance(value, tuple) else value
    return entries


def _shapes(model: nn.Module) -> str:
    """Return a digest of the names and shapes of all weights, and of the modules that have none."""
    shapes = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
    return hashlib.sha256(repr((shapes, repr(model))).encode()).hexdigest()
