"""Names, counts and differences as text for a terminal, a page or a spreadsheet."""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

OF_ONE_FOLDER = ("weights.safetensors", "model.toml", "best.safetensors", "last.safetensors", "weights")
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: object) -> str:
    """Return text in which control codes, direction overrides and undecodable bytes are spelt out.

    In a terminal ``ESC [ 31 m`` or a newline within a file's name must be seen, not obeyed.
    """
    return "".join(_spelt_out(c) if _is_control(c) else c for c in str(text))


def short_name(name: str) -> str:
    """Return the last part of a network's or a source's name, fit for a folder; of a file in a run's, the run's."""
    parts = name.replace(":", "/").rstrip("/").split("/")
    while len(parts) > 1 and parts[-1] in OF_ONE_FOLDER:
        parts.pop()
    return parts[-1].removesuffix(".safetensors") or name


def csv_cell(text: object) -> str:
    """Return text that a spreadsheet shows instead of computing it: a formula gets an apostrophe in front."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 seed``, ``2 seeds``, ``1,797 images``; ``plural`` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def seconds_text(seconds: float) -> str:
    """Return a duration: 0.4 s, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if not math.isfinite(seconds):
        return "n/a"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def true_minus(numbers: str) -> str:
    """Return numbers as a page shows them: with a minus sign in place of a hyphen, which is shorter than a plus."""
    return re.sub(r"(?<!\w)-(?=\d)", "\u2212", numbers)


def nan_to_none(value: Any) -> Any:
    """Return plain values with None for every number that is not finite: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: nan_to_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _spelt_out(character: str) -> str:
    byte = ord(character) - 0xDC00
    if 0x80 <= byte <= 0xFF:  # a byte of a name that is not UTF-8, as Python keeps it
        return f"\\x{byte:02x}"
    return character.encode("unicode_escape").decode("ascii")


LONGEST = 40  # characters of a value that are shown whole


def flatten(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested tables as one, their keys joined by dots."""
    entries: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            entries |= flatten(value, f"{prefix}{key}.")
        else:
            entries[prefix + key] = list(value) if isinstance(value, tuple) else value
    return entries


def changed_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))


def describe_change(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say how a value differs."""
    old, new = (_short(values.get(key)) for values in (before, now))
    return f"{key} {old} -> {new}"


def _short(value: Any) -> str:
    text = "(off)" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:16]}..."
