"""Where attention goes in a network of ours: into its own slots, or wherever insertion finds a place."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.insertion import insert, places
from senet.networks import create


@dataclass(frozen=True)
class Placement:
    """Where attention goes.

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
Image = tuple[int, int, int]


def build_placed(
    network: str, attention: AttentionSpec | None, placement: Placement, classes: int, image: Image
) -> nn.Module:
    """Build a network of ours with attention at a placement; its weights are not set yet.

    Args:
        network: Its name.
        attention: None for none.
        placement: The network's own slots, or places that are inserted at.
        classes: Outputs.
        image: Channels, height and width.

    Raises:
        UsageError: The spec fits no slot or width, the placement means no place.
    """
    if attention is None or placement == STANDARD:
        return create(network, num_classes=classes, in_channels=image[0], attention=attention)
    stages = explicit(network, placement, image).stages
    plain = create(network, num_classes=classes, in_channels=image[0], attention=None)
    return insert(plain, attention, where=placement.where, stages=stages, example=(1, *image))


def explicit(network: str, placement: Placement, image: Image) -> Placement:
    """Return a placement that names its stages, if it is one without the last of them.

    Args:
        network: A network of ours, which tells what the stages are.
        placement: Any.
        image: Channels, height and width.
    """
    if placement.last:
        return placement
    with torch.device("meta"):
        plain = create(network, in_channels=image[0], attention=None)
    units = [place for place in places(plain, (1, *image)) if place.kind != "conv"]
    found = {place.stage for place in units if place.strategy == placement.where and place.stage is not None}
    return replace(placement, stages=tuple(sorted(placement.stages or found)[:-1]), last=True)
