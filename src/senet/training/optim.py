"""The optimizer: which parameters decay, and what the learning rate is at each step."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from senet.training.recipe import Recipe


def decay_groups(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Partition the parameters into those that weight decay applies to and those that it spares.

    Spared are biases, the scales and shifts of norms, and everything in an attention block's gate: a decayed
    gate drifts towards one half whatever the data say. The papers do not state a choice; this one is ours.
    """
    gated = set(gate_parameters(model))
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for parameter in model.parameters():
        (spared if parameter.ndim < 2 or parameter in gated else decayed).append(parameter)
    return decayed, spared


def gate_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters of all attention blocks, but for the convolutions that they choose between."""
    for module in model.modules():
        if isinstance(getattr(module, "gate", None), nn.Module):
            for name, parameter in module.named_parameters():
                if not name.startswith("branches."):
                    yield parameter


def sgd(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Build the optimizer of a recipe."""
    decayed, spared = decay_groups(model)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)


def cosine(progress: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter, arXiv 1608.03983, without restarts)."""
    return (1 + math.cos(math.pi * progress)) / 2


def step(progress: float) -> float:
    """1, a tenth from half of the steps on, a hundredth from three quarters on."""
    return 0.1 ** ((progress >= 0.5) + (progress >= 0.75))


SCHEDULES: dict[str, Callable[[float], float]] = {"cosine": cosine, "step": step}
