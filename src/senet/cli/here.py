"""Models that a user's own module makes, named on the command line."""

import os
import sys
from typing import TYPE_CHECKING

from senet.errors import UsageError
from senet.sources.models import is_foreign
from senet.sources.trained import Factory

if TYPE_CHECKING:  # --help must not import torch
    from torch import nn


def find_modules_here(source: str) -> None:
    """Let a user's module be found in the current folder, as ``python -m`` finds it."""
    if is_foreign(source) and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


def factory_of(source: str | None) -> Factory | None:
    """Return what makes the model that ``MODULE.PATH:FUNCTION`` names; it is imported when it is called.

    Raises:
        UsageError: It names no function of a module.
    """
    if source is None:
        return None
    if not is_foreign(source) or not source.partition(":")[2]:
        raise UsageError(f"--factory {source} names no function", do="write it as --factory MODULE.PATH:FUNCTION")
    find_modules_here(source)

    def make() -> "nn.Module":
        from senet.sources import build

        return build(source)

    return make
