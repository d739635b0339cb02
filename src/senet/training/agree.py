"""What all ranks have to have in common before the first step, else they would train what nobody asked for."""

import copy
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.training.identity import differences, identity, words
from senet.training.job import Job
from senet.training.team import Team

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed

SHOWN = 5
# (shape, checksum of the values) by name
Weights = dict[str, tuple[tuple[int, ...], int]]


def agreed(model: nn.Module, feed: "Feed", job: Job, team: Team) -> dict[str, Any]:
    """Return the run's identity, the same on all ranks.

    Raises:
        UsageError: They are not alike, or cannot train together.
    """
    team.node_by_node(feed.fingerprint)
    who = identity(model, feed, job.recipe, job.seed, team.share.ranks)
    if team.share.ranks > 1:
        require_alike(team, {**who, "steps per epoch": feed.steps_per_epoch}, model)
        require_used(model, (feed.transform.channels, *feed.transform.size))
    return who


def require_alike(team: Team, who: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse ranks of other recipes, data or weights; the first that differs is named, with what differs.

    Args:
        team: All ranks.
        who: What this rank does, by the names of its parts.
        model: Of this rank.

    Raises:
        UsageError: Names keys of the recipe, or parameters.
    """
    (first, weights), *others = team.everyone((who, _weights(model)))
    for rank, (said, held) in enumerate(others, 1):
        found = _differing(weights, held) or [words(key, first, said) for key in differences(first, said)]
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise UsageError(
                f"rank {rank} is not as rank 0 is: {'; '.join(found[:SHOWN])}{more}",
                do="start all ranks with the same command, code and data",
            )


def _weights(model: nn.Module) -> Weights:
    return {name: (tuple(value.shape), _checksum(value)) for name, value in model.state_dict().items()}


def _checksum(value: Tensor) -> int:
    return zlib.crc32(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())


def _differing(first: Weights, other: Weights) -> list[str]:
    """Name the weights that differ in being there, in shape or in value."""
    found = [f"{name} is on one of them alone" for name in sorted(first.keys() ^ other.keys())]
    for name in first.keys() & other.keys():
        (shape, values), (other_shape, other_values) = first[name], other[name]
        if shape != other_shape:
            found.append(f"{name} is {list(shape)} and {list(other_shape)}")
        elif values != other_values:
            found.append(f"{name} has other values")
    return sorted(found)


def require_used(model: nn.Module, image: tuple[int, int, int]) -> None:
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
        more = f" and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
        raise UsageError(
            f"parameters that the network's output does not depend on: {', '.join(unused[:SHOWN])}{more}",
            do="remove them or set requires_grad to False: several ranks would wait for their gradients",
        )
