"""Names of a model's modules and tensors, and which modules are norms."""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from typing import TypeGuard

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def within(name: str, modules: Collection[str]) -> bool:
    """Whether a tensor or module is one of these modules or lies in one of them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def common_prefix(paths: Iterable[Sequence[str]]) -> list[str]:
    """Return what all paths of names begin with, name by name."""
    columns = zip(*paths, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)  # subclasses of other libraries among them


def has_running_stats(module: nn.Module) -> TypeGuard[_NormBase]:
    """Whether a module is a norm with running statistics: batch norms, and instance norms that were told to."""
    return isinstance(module, _NormBase) and module.running_mean is not None
