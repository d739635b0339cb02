"""What a model is run on to find its places, and how to run it without leaving a trace in it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from senet.errors import UsageError

Example = tuple[int, ...] | Tensor | tuple[Any, ...] | dict[str, Any]


def example_arguments(model: nn.Module, example: Example) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn an example into the positional and keyword arguments of a forward call.

    Args:
        model: Decides device and dtype of an input that is given by its shape.
        example: The shape of the one input, (B, C, H, W); the input itself; or, for a model that takes several,
            a tuple of positional or a dict of keyword arguments.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(example, dict):
        return (), example
    if isinstance(example, Tensor):
        return (example,), {}
    if isinstance(example, tuple) and example and all(type(n) is int for n in example):
        return (noise_input(model, example),), {}
    if isinstance(example, tuple) and example:
        return example, {}
    raise UsageError(
        f"example={example!r} is no input",
        do="give the shape of a batch, (1, 3, 224, 224), a tensor, a tuple of arguments or a dict of keywords",
    )


def noise_input(model: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """Return noise of a shape on the model's device and in its dtype; the same at each call."""
    if min(shape) < 1:
        raise UsageError(f"example={shape} has an empty axis", do="give the shape of a batch, (1, 3, 224, 224)")
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return noise.to(like)


def check_materialised(model: nn.Module) -> None:
    """Refuse a model whose lazy layers do not know their channels yet.

    Raises:
        UsageError: Names the first such layer.
    """
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.UninitializedParameter):
            raise UsageError(
                "a lazy layer does not know its channels yet",
                where=name,
                do="run the model once on a batch, then insert",
            )


@contextlib.contextmanager
def preserve_state(model: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, then put back modes, buffers and the state of the random generators."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone(), _version(buffer)) for buffer in model.buffers()]
    with torch.random.fork_rng(), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
            for buffer, before, version in buffers:
                if version is None or _version(buffer) != version:  # a write would break the graphs that have read it
                    buffer.copy_(before)


def _version(buffer: Tensor) -> int | None:
    """Return how often it was written; None where nobody counts."""
    return None if buffer.is_inference() else buffer._version
