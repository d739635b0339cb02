"""A variant of a study: what differs from the base, and the network that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.data import Dataset
from senet.errors import SenetError, UsageError
from senet.sources.placed import STANDARD, Placement, build_placed
from senet.training import Recipe

Change = Callable[[Recipe], Recipe]


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

    def build(self, network: str, data: Dataset) -> nn.Module:
        """Build its network for a data set's channels and classes, its weights not yet paired by seed.

        Raises:
            UsageError: The spec fits no slot or width, the placement means no place.
        """
        image = (data.channels, *data.size)
        return build_placed(network, self.attention, self.placement, len(data.classes), image)


def on_meta(name: str, network: str, variant: Variant, data: Dataset) -> nn.Module:
    """Build a variant without memory for its weights.

    Raises:
        UsageError: It cannot be built; names the variant.
    """
    try:
        with torch.device("meta"):
            return variant.build(network, data)
    except SenetError as error:
        raise UsageError(error.what, where=f"variant {name} of {network}", do=error.do) from error
