"""Checks of a recipe's values: the message names the key; and which of them somebody has set."""

import math
from dataclasses import fields
from typing import Any

from senet.errors import UsageError, did_you_mean


def require(holds: bool, message: str, do: str = "") -> None:
    """Refuse a recipe."""
    if not holds:
        raise UsageError(f"recipe: {message}", do=do)


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of the choices, and say which is near."""
    require(
        value in choices, f"{name}={value!r} is not one of {', '.join(choices)}", do=did_you_mean(str(value), choices)
    )


def require_at_least(name: str, value: float, least: float) -> None:
    """Refuse what is below, infinite or not a number."""
    require(math.isfinite(value) and value >= least, f"{name}={value} is not a number of at least {least:g}")


def require_positive(name: str, value: float) -> None:
    """Refuse what is not above 0, infinite or not a number."""
    require(math.isfinite(value) and value > 0, f"{name}={value} is not a number above 0")


def require_fraction(name: str, value: float) -> None:
    """Refuse what is not in [0, 1)."""
    require(0 <= value < 1, f"{name}={value} is not in [0, 1)")


def non_default_fields(values: Any) -> list[str]:
    """Name the fields of a recipe, or of a part of one, that are not at their defaults."""
    return [field.name for field in fields(values) if getattr(values, field.name) != field.default]
