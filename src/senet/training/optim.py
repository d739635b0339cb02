"""The optimizer: which parameters decay, and the rule that moves them."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from senet.training.recipe import Recipe
from senet.training.settings import WEIGHTS_ALONE, Decay


def decay_groups(model: nn.Module, decay: Decay = WEIGHTS_ALONE) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Partition the parameters into those that weight decay applies to and those that it spares.

    Decayed are the weights of convolutions and linear layers, and what ``decay`` adds. A gate is everything in an
    attention block; it decays as a whole or not at all.
    """
    gated = set(gate_parameters(model))
    norms = set(_norm_parameters(model))
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for parameter in model.parameters():
        (decayed if _decays(parameter, gated, norms, decay) else spared).append(parameter)
    return decayed, spared


def _decays(parameter: nn.Parameter, gated: set[nn.Parameter], norms: set[nn.Parameter], decay: Decay) -> bool:
    if parameter in gated:
        return decay.gates
    if parameter in norms:
        return decay.norms
    return parameter.ndim >= 2 or decay.biases


def gate_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters of all attention blocks, but for the convolutions that they choose between."""
    for module in model.modules():
        if isinstance(getattr(module, "gate", None), nn.Module):
            for name, parameter in module.named_parameters():
                if not name.startswith("branches."):
                    yield parameter


def _norm_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.GroupNorm | nn.LayerNorm):
            yield from module.parameters(recurse=False)


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Build the optimizer of a recipe, with one group that decays and one that does not."""
    decayed, spared = decay_groups(model, recipe.decay)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return _BUILDERS[recipe.optimizer.kind](groups, recipe)


Groups = list[dict[str, Any]]


def _sgd(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    nesterov = recipe.optimizer.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)


def _rmsprop(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    rule = recipe.optimizer
    return torch.optim.RMSprop(groups, recipe.lr, alpha=rule.smoothing, eps=rule.eps, momentum=recipe.momentum)


def _adamw(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    rule = recipe.optimizer
    betas = (recipe.momentum, rule.second_moment)
    return torch.optim.AdamW(groups, recipe.lr, betas=betas, eps=rule.eps, fused=True)


_BUILDERS: dict[str, Callable[[Groups, Recipe], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adamw": _adamw,
}
