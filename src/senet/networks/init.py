"""Initialisation as the papers state it: He normal ("msra") weights, zero biases, unit batch norms."""

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from senet.errors import UsageError
from senet.utils.modules import within

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
    """Set all weights of a model in place; a module with ``reset_gate(generator)`` has the last word on what is in it.

    The fan is the input's, the default of Caffe's msra filler, which the authors' files use (torchvision's
    ResNets take the output's). A layer that the papers say nothing of keeps its own ``reset_parameters()``.

    Raises:
        UsageError: Parameters that nothing here sets: they would be drawn from whatever generator built the model.
    """
    if any(parameter.is_meta for parameter in model.parameters()):
        return model  # shapes without values: nothing to set
    _fill_with_nan(model)
    for name, module in model.named_modules():
        rule = RULES.get(type(module))
        if rule is not None:
            rule(module, stream(name))
        elif hasattr(module, "reset_parameters"):
            _seeded(module.reset_parameters, stream(name))
    for name, module in _inner_first(model):
        reset: Any = getattr(module, "reset_gate", None)
        if reset is not None:
            generator = stream(f"{name}.gate")
            _seeded(partial(reset, generator), generator)
    _require_drawn(model)
    return model


def _fill_with_nan(model: nn.Module) -> None:
    """Make every parameter NaN, so that one which nothing draws is found."""
    for parameter in model.parameters():
        if parameter.is_floating_point():
            nn.init.constant_(parameter, math.nan)


def _require_drawn(model: nn.Module) -> None:
    left = [name for name, parameter in model.named_parameters() if parameter.isnan().any()]
    if left:
        owner, _, name = left[0].rpartition(".")
        kind = type(model.get_submodule(owner)).__name__
        raise UsageError(
            f"nothing initialises {name} of {kind}",
            where=owner or "the model itself",
            do=f"give {kind}, or the block that it lies in, a method reset_gate(generator) that sets it",
        )


def _inner_first(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield all modules by name, each after those within it, so that a block may set what a part of it has drawn."""
    open_: list[tuple[str, nn.Module]] = []
    for name, module in model.named_modules():
        while open_ and not within(name, (open_[-1][0],)) and open_[-1][0]:
            yield open_.pop()
        open_.append((name, module))
    yield from reversed(open_)


def _seeded(draw: Any, generator: torch.Generator | None) -> None:
    """Draw from a generator, also what takes torch's global one."""
    if generator is None:
        draw()
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.set_state(generator.get_state())
        draw()


def _he_normal(module: Any, generator: torch.Generator | None) -> None:
    nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _reset_parameters(module: Any, generator: torch.Generator | None) -> None:
    module.reset_parameters()


RULES: dict[type[nn.Module], Callable[[Any, torch.Generator | None], None]] = {
    nn.Conv2d: _he_normal,
    nn.Linear: _he_normal,
    nn.BatchNorm1d: _reset_parameters,
    nn.BatchNorm2d: _reset_parameters,
}
