"""A variant of a study: what differs from the base, and the network that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.data import Dataset
from senet.errors import SenetError, UsageError
from senet.insertion import insert, places
from senet.networks import create
from senet.training import Recipe

Change = Callable[[Recipe], Recipe]


@dataclass(frozen=True)
class Placement:
    """Where a variant's attention goes.

    Args:
        where: ``standard``, the network's own slots; or a strategy or glob of :func:`senet.insertion.insert`.
        stages: Numbered as in the paper, 2 is the first after the stem; all if None.
        last: Whether the last of those stages has it.
    """

    where: str = "standard"
    stages: tuple[int, ...] | None = None
    last: bool = True

    def __post_init__(self) -> None:
        if self.stages is not None:
            object.__setattr__(self, "stages", tuple(self.stages))  # JSON and TOML have lists


STANDARD = Placement()


def unchanged(recipe: Recipe) -> Recipe:
    """Train as the base does."""
    return recipe


@dataclass(frozen=True)
class Variant:
    """One way to fit a study's base out.

    Args:
        attention: The spec, None for none.
        placement: Where it goes.
        change: The base's recipe -> the variant's.
    """

    attention: AttentionSpec | None = None
    placement: Placement = STANDARD
    change: Change = unchanged


def build(network: str, attention: AttentionSpec | None, placement: Placement, data: Dataset) -> nn.Module:
    """Build a variant's network for a data set's channels and classes, its weights not yet paired by seed.

    Raises:
        UsageError: The spec fits no slot or width, the placement means no place.
    """
    classes, channels = len(data.classes), data.channels
    if attention is None or placement == STANDARD:
        return create(network, num_classes=classes, in_channels=channels, attention=attention)
    plain = create(network, num_classes=classes, in_channels=channels, attention=None)
    example = (1, channels, *data.size)
    stages = placement.stages if placement.last else _without_last(plain, placement, example)
    return insert(plain, attention, where=placement.where, stages=stages, example=example)


def _without_last(model: nn.Module, placement: Placement, example: tuple[int, int, int, int]) -> tuple[int, ...]:
    units = [place for place in places(model, example) if place.strategy == placement.where and place.kind != "conv"]
    found = {place.stage for place in units if place.stage is not None}
    return tuple(sorted(placement.stages or found)[:-1])


def on_meta(name: str, network: str, variant: Variant, data: Dataset) -> nn.Module:
    """Build a variant without memory for its weights.

    Raises:
        UsageError: It cannot be built; names the variant.
    """
    try:
        with torch.device("meta"):
            return build(network, variant.attention, variant.placement, data)
    except SenetError as error:
        raise UsageError(error.what, where=f"variant {name} of {network}", do=error.do) from error
