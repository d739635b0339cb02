"""Batch norms that take their statistics over all ranks: those of torch and of timm, and nothing else of the model."""

import sys
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from senet.errors import UsageError

BatchNorm = nn.modules.batchnorm._BatchNorm
WITHOUT = "leave it out (--no-sync-norms): each rank has its own statistics"


def synchronise(model: nn.Module) -> None:
    """Make every batch norm a SyncBatchNorm, in place; instance and group norms are none.

    The class changes and the module does not: ``SyncBatchNorm.convert_sync_batchnorm`` makes new modules of the same
    tensors, which have lost hooks and attributes, the activation of a norm that has one inside, and the second of two
    names.

    Args:
        model: Any.

    Raises:
        UsageError: One has a forward of its own, or no size yet; nothing is changed.
    """
    found = [(module, _kind(name, module)) for name, module in model.named_modules() if isinstance(module, BatchNorm)]
    for norm, kind in found:
        norm.__class__ = kind
        vars(norm).setdefault("process_group", None)  # all ranks; all that the class has beside a batch norm


def _kind(name: str, norm: BatchNorm) -> type[nn.SyncBatchNorm]:
    """Return the class that does over all ranks what a batch norm does."""
    if isinstance(norm, nn.SyncBatchNorm):
        return type(norm)
    if isinstance(norm, nn.modules.batchnorm._LazyNormBase) and norm.has_uninitialized_params():
        raise _refused(name, norm, "has no size yet", "run the network once on an image before training")
    kind = None if "forward" in vars(norm) or is_parametrized(norm) else _kinds().get(type(norm).forward)
    if kind is None:
        do = "give the network a torch.nn.BatchNorm2d there, or a subclass of SyncBatchNorm"
        raise _refused(name, norm, "computes in a way of its own", do)
    return kind


def _kinds() -> dict[Any, type[nn.SyncBatchNorm]]:
    """Return who does the same over all ranks, by the forward of a batch norm; timm's once something is of timm."""
    kinds = {BatchNorm.forward: nn.SyncBatchNorm}
    if (timm := sys.modules.get("timm.layers")) is not None:
        kinds[timm.BatchNormAct2d.forward] = timm.SyncBatchNormAct
    return kinds


def _refused(name: str, norm: nn.Module, why: str, do: str) -> UsageError:
    what = f"recipe: sync_norms=true, but the batch norm {name} {why}"
    kind = f"{type(norm).__module__}.{type(norm).__qualname__}"
    return UsageError(what, where=kind, do=f"{WITHOUT}; or {do}")
