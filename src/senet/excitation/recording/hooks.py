"""Hooks that stay behind when a model is copied."""

from collections.abc import Callable
from typing import Any


def nothing(*_: Any) -> None:
    """What the hooks of a copy do."""


class Hook:
    """A hook of a recording; on a model's copy, and in its file, it does nothing.

    Args:
        call: What it does.
    """

    def __init__(self, call: Callable[..., None]) -> None:
        self.call = call

    def __call__(self, *args: Any) -> None:
        """Do it; what the model is given and returns stays as it is."""
        self.call(*args)

    def __reduce__(self) -> tuple[type["Hook"], tuple[Callable[..., None]]]:
        return Hook, (nothing,)
