"""What a recipe sets in a network before its first step: dropout, drop-path, the start of branches, shared norms."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from senet.training.checks import require
from senet.training.recipe import Recipe
from senet.training.synchronise import WITHOUT, synchronise

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


def zero_branches(model: nn.Module) -> None:
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
    synchronise(model)


def prepare_network(model: nn.Module, recipe: Recipe, ranks: int = 1) -> None:
    """Do what the recipe says; called once, before the first step of a run."""
    if recipe.sync_norms and ranks > 1:
        sync_norms(model)
    if recipe.drop_path:
        set_drop_path(model, recipe.drop_path)
    if recipe.dropout is not None:
        set_dropout(model, recipe.dropout)
    if recipe.initialisation == "zero_branches":
        zero_branches(model)
