"""The optimizer of a recipe."""

from collections.abc import Callable
from itertools import chain

import torch
from torch import nn

from senet.insertion.fine_tuning import Groups, group_by_lr
from senet.training.recipe.recipe import Recipe
from senet.weight_decay import decay_groups


def build_optimizer(model: nn.Module, recipe: Recipe, ratio: float = 1.0) -> torch.optim.Optimizer:
    """Build the optimizer of a recipe, with a group that decays and one that does not for each learning rate.

    Args:
        model: With or without inserted blocks.
        recipe: How to train.
        ratio: Learning rate of the inserted blocks over the recipe's.

    Returns:
        It; of each group ``ratio`` is what :func:`set_lr` multiplies with, and ``numbers`` are those of its
        parameters in a checkpoint, whatever the rates.
    """
    partition = decay_groups(model, recipe.decay.biases, recipe.decay.norms, recipe.decay.gates)
    number = {parameter: i for i, parameter in enumerate(chain.from_iterable(partition))}
    groups = group_by_lr(model, partition, (1.0, ratio), recipe.weight_decay)
    for group in groups:
        group |= {"ratio": group["lr"], "numbers": [number[parameter] for parameter in group["params"]]}
    optimizer = _BUILDERS[recipe.optimizer.kind](groups, recipe)
    set_lr(optimizer, recipe.lr)
    return optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of a recipe's optimizer; each group keeps its ratio to it."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["ratio"]


def init_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Let SGD's momentum of whatever begins to train start at zero, which is what its first step does.

    torch's fused SGD does not where others of the group have begun before, which it refuses, and where the loss scale
    overflows in the first step: then the momentum is what the memory held.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            if parameter.requires_grad and optimizer.state[parameter].get("momentum_buffer") is None:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


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
