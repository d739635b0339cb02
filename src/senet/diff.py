"""How two tables of settings differ, in words: of a run and its continuation, of ranks, of trials."""

from collections.abc import Mapping
from typing import Any

LONGEST = 40  # characters of a value that are shown whole


def flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested tables as one, their keys joined by dots."""
    entries: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            entries |= flat(value, f"{prefix}{key}.")
        else:
            entries[prefix + key] = list(value) if isinstance(value, tuple) else value
    return entries


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))


def words(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say how a value differs."""
    old, new = (_short(values.get(key)) for values in (before, now))
    return f"{key} {old} -> {new}"


def _short(value: Any) -> str:
    text = "(off)" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:16]}..."
