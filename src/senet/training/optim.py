"""The optimizer of a recipe."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from senet.decay import decay_groups
from senet.training.recipe import Recipe


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Build the optimizer of a recipe, with one group that decays and one that does not."""
    decayed, spared = decay_groups(model, recipe.decay.biases, recipe.decay.norms, recipe.decay.gates)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return _BUILDERS[recipe.optimizer.kind](groups, recipe)


def start_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Let SGD's momentum of whatever begins to train start at zero, which is what its first step does.

    torch's fused SGD does not where the loss scale overflows in the first step: then the momentum is what the memory
    held.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            if parameter.requires_grad and optimizer.state[parameter].get("momentum_buffer") is None:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


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
