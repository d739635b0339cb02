"""A variant of a study: what differs from the base, and the network that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from senet.attention import AttentionSpec
from senet.data import Feed
from senet.errors import SenetError
from senet.models import ModelRequest, Placement, StartConfig, StartingModel, begin, read_name
from senet.models.start.request import STANDARD
from senet.training import Recipe
from senet.training.recipe.recipe import to_dict
from senet.training.setup.batch_checks import require_model_fits_data

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

    def model_request(self, network: str, start: StartConfig, seed: int = 0) -> ModelRequest:
        """Return the model that a trial of it trains."""
        # A grid of places has no attention at some of them: there is nothing to place.
        placement = self.placement if self.attention else STANDARD
        return ModelRequest(network, str(self.attention or "none"), placement, start, seed)

    def changes(self, recipe: Recipe) -> dict[str, Any]:
        """Return what its recipe has otherwise than the base's, as plain values."""
        base, own = to_dict(recipe), to_dict(self.change(recipe))
        return {key: own.get(key) for key in base | own if own.get(key) != base.get(key)}

    def begin(self, network: str, start: StartConfig, feed: Feed, seed: int = 0) -> StartingModel:
        """Build its network for a data set's channels and classes.

        Raises:
            UsageError: The spec fits no slot or width, the placement means no place.
            WeightsError: The weights do not fit.
        """
        return begin(self.model_request(network, start, seed), len(feed.classes), feed.transform.shape)

    def image(self, recipe: Recipe, feed: Feed) -> tuple[int, int, int]:
        """Return channels, height and width of its input: its recipe's views may have a size of their own."""
        views, (channels, height, width) = self.change(recipe).views, feed.transform.shape
        return (channels, height, width) if views is None else (channels, views.size, views.size)


def check_variant(name: str, network: str, start: StartConfig, variant: Variant, feed: Feed) -> StartingModel:
    """Build a variant before anything is trained; a network of ours with random weights takes no memory for them.

    Raises:
        SenetError: It cannot be built, or is no classifier of the data; names the variant.
    """
    ours = start.weights is None and read_name(network).kind == "senet"
    try:
        with torch.device("meta" if ours else "cpu"):
            begun = variant.begin(network, start, feed)
        if not ours:
            require_model_fits_data(begun.model, feed.transform.shape, len(feed.classes))
    except SenetError as error:
        raise type(error)(error.what, where=f"variant {name} of {network}", do=error.do) from error
    return begun
