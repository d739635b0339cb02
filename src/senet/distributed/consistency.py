"""What all ranks must have in common before the first step: model, settings and data."""

import copy
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from senet.distributed.process_group import ProcessGroup
from senet.errors import UsageError
from senet.utils.text import changed_keys, describe_change

SHOWN = 5
DO = "start all ranks with the same command, code and data"
# (shape, checksum of the values) by name
Weights = dict[str, tuple[tuple[int, ...], int]]


def require_same_on_all_ranks(
    group: ProcessGroup, values: Mapping[str, Any], model: nn.Module | None = None, do: str = DO
) -> None:
    """Refuse ranks that are not as rank 0 is; the first of them is named, with what differs.

    Args:
        group: All ranks.
        values: What this rank is or does, by the names of its parts.
        model: Of this rank; its weights are compared too.
        do: The next step.

    Raises:
        UsageError: Names keys of ``values``, or parameters.
    """
    (first, weights), *others = group.all_gather((values, _weights(model) if model else {}))
    for rank, (other, held) in enumerate(others, 1):
        found = _differing(weights, held) or [describe_change(key, first, other) for key in changed_keys(first, other)]
        if found:
            raise UsageError(f"rank {rank} differs from rank 0: {_listed(found, '; ')}", do=do)


def _weights(model: nn.Module) -> Weights:
    return {name: (tuple(value.shape), _checksum(value)) for name, value in model.state_dict().items()}


def _checksum(value: Tensor) -> int:
    return zlib.crc32(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())


def _differing(first: Weights, other: Weights) -> list[str]:
    """Name the weights that differ in being there, in shape or in value."""
    found = [f"{name} is on one rank only" for name in sorted(first.keys() ^ other.keys())]
    for name in first.keys() & other.keys():
        (shape, values), (other_shape, other_values) = first[name], other[name]
        if shape != other_shape:
            found.append(f"{name} is {list(shape)} and {list(other_shape)}")
        elif values != other_values:
            found.append(f"{name} differs in value")
    return sorted(found)


def require_no_unused_parameters(model: nn.Module, image: tuple[int, int, int]) -> None:
    """Refuse trainable parameters that the output does not depend on: ranks would wait for their gradients.

    Args:
        model: (B, C, H, W) -> (B, classes), left as it is.
        image: Channels, height and width.

    Raises:
        UsageError: Names them.
    """
    twin = copy.deepcopy(model).train()
    with torch.random.fork_rng(devices=[]):
        twin(torch.zeros(2, *image, device=next(model.parameters()).device)).float().sum().backward()
    unused = [name for name, value in twin.named_parameters() if value.requires_grad and value.grad is None]
    if unused:
        what = f"unused parameters: {_listed(unused, ', ')}"
        do = "remove them or set requires_grad=False: DDP would wait for their gradients"
        raise UsageError(what, do=do)


def _listed(found: list[str], between: str) -> str:
    return between.join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
