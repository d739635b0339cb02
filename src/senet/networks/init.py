"""Initialisation as the papers state it: He normal ("msra") weights, zero biases, unit batch norms."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Stream = Callable[[str], torch.Generator | None]


def shared_stream(name: str) -> None:
    """Draw every module from torch's global generator."""


def named_stream(seed: int) -> Stream:
    """Draw each module from a generator of its own, seeded by (seed, module name).

    Two networks that differ in their attention alone then start from the same trunk.
    """

    def stream(name: str) -> torch.Generator:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)

    return stream


def initialise(model: nn.Module, stream: Stream = shared_stream) -> nn.Module:
    """Set all weights of a model in place; a module with ``reset_gate(generator)`` has the last word on itself.

    The fan is the input's, the default of Caffe's msra filler, which the authors' files use (torchvision's
    ResNets take the output's).
    """
    if any(parameter.is_meta for parameter in model.parameters()):
        return model  # shapes without values: nothing to set
    for name, module in model.named_modules():
        generator = stream(name)
        if type(module) in RULES:
            RULES[type(module)](module, generator)
    for name, module in model.named_modules():
        if hasattr(module, "reset_gate"):
            module.reset_gate(stream(f"{name}.gate"))
    return model


def _he_normal(module: Any, generator: torch.Generator | None) -> None:
    nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _unit(module: Any, generator: torch.Generator | None) -> None:
    module.reset_parameters()


RULES: dict[type[nn.Module], Callable[[Any, torch.Generator | None], None]] = {
    nn.Conv2d: _he_normal,
    nn.Linear: _he_normal,
    nn.BatchNorm1d: _unit,
    nn.BatchNorm2d: _unit,
}
