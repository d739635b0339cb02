"""What a recipe sets in a network before its first step: dropout, drop-path, branches, norms over all ranks."""

import sys
from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from senet.errors import UsageError
from senet.training.recipe.recipe import Recipe
from senet.training.recipe.validate import require

# Where libraries keep the rate of their stochastic depth: torchvision's; timm's and ours.
RATES = {"StochasticDepth": "p", "DropPath": "drop_prob"}


def set_drop_path(model: nn.Module, rate: float) -> None:
    """Set the rates of all drop-path modules, linearly growing in the order of the network up to ``rate``.

    Raises:
        UsageError: The network has none.
    """
    modules: list[Any] = [module for module in model.modules() if type(module).__name__ in RATES]
    if rate:
        _require_some(modules, "drop_path", rate, "drop-path module")
    for i, module in enumerate(modules):
        setattr(module, RATES[type(module).__name__], rate * (i + 1) / len(modules))


def set_dropout(model: nn.Module, rate: float) -> None:
    """Set the rate of every dropout layer; our networks have one, before the classifier, most of them at 0.

    Raises:
        UsageError: The network has none.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    _require_some(layers, "dropout", rate, "dropout layer")
    for layer in layers:
        layer.p = rate


def _require_some(found: Sequence[nn.Module], key: str, rate: float, what: str) -> None:
    said = f"{key}={rate:g}, but the network has no {what}"
    require(bool(found), said, do=f"leave {key} out, or take a network that has one")


def zero_init_residual(model: nn.Module) -> None:
    """Set the scale of the norm that ends a residual branch to 0, so that each unit starts as its shortcut.

    A branch is a child called ``branch``, as ours are; it has to end in its norm, else a zero would not end there.

    Raises:
        UsageError: No branch does.
    """
    branches = [module for name, module in model.named_modules() if name.rpartition(".")[2] == "branch"]
    last = [norm for norm in map(_last, branches) if isinstance(norm, nn.BatchNorm2d | nn.SyncBatchNorm)]
    said = "initialisation='zero_branches', but no residual branch of the network ends in a norm"
    require(bool(last), said, do="leave initialisation out")
    for norm in last:
        nn.init.zeros_(norm.weight)


def _last(branch: nn.Module) -> nn.Module | None:
    """Return the last layer of a sequence; a branch of another kind, such as two side by side, has none."""
    while isinstance(branch, nn.Sequential):
        branch = branch[-1]
    return branch


def sync_norms(model: nn.Module) -> None:
    """Let batch norms take their statistics over all ranks; all else of the model stays.

    Raises:
        UsageError: The model is not on a CUDA device, or has a batch norm that cannot.
    """
    device = next(model.parameters()).device.type
    said = f"sync_norms=true, but SyncBatchNorm does not run on {device}"
    require(device == "cuda", said, do=WITHOUT)
    convert_sync_batchnorm(model)


def prepare_network(model: nn.Module, recipe: Recipe, ranks: int = 1) -> None:
    """Do what the recipe says; called once, before the first step of a run."""
    if recipe.sync_norms and ranks > 1:
        sync_norms(model)
    if recipe.drop_path:
        set_drop_path(model, recipe.drop_path)
    if recipe.dropout is not None:
        set_dropout(model, recipe.dropout)
    if recipe.initialisation == "zero_branches":
        zero_init_residual(model)


BatchNorm = nn.modules.batchnorm._BatchNorm
WITHOUT = "leave it out (--no-sync-norms): each rank has its own statistics"


def convert_sync_batchnorm(model: nn.Module) -> None:
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
        raise _refused(name, norm, "is uninitialised", "run the network once on an image before training")
    kind = None if "forward" in vars(norm) or is_parametrized(norm) else _kinds().get(type(norm).forward)
    if kind is None:
        do = "give the network a torch.nn.BatchNorm2d there, or a subclass of SyncBatchNorm"
        raise _refused(name, norm, "has a forward of its own", do)
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
