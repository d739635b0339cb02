"""What a norm is: the classes that have scale and shift, and those that keep running statistics beside."""

from typing import TypeGuard

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)  # subclasses of other libraries among them


def keeps_statistics(module: nn.Module) -> TypeGuard[_NormBase]:
    """Whether a module is a norm with running statistics: batch norms, and instance norms that were told to."""
    return isinstance(module, _NormBase) and module.running_mean is not None
