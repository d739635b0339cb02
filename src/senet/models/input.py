"""The input of a model that begins with trained weights: scaled as they were trained, as far as anybody says."""

from dataclasses import replace
from typing import TYPE_CHECKING

from senet.models.begin import Begun
from senet.text import counted
from senet.weights.dialect import IMAGENET

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed


def fed(begun: Begun, feed: "Feed") -> "tuple[Feed, str]":
    """Return the feed that suits a model, and what a user should know of it.

    Weights that say their mean and deviation get them; a library's that do not, ImageNet's, as where they are used
    (:func:`senet.load`); a function's own weights, and random ones, the data's.

    Args:
        begun: The model.
        feed: Yields the batches.
    """
    if begun.fresh is None:
        return feed, ""
    said = None if begun.loaded is None else begun.loaded.metadata.input_transform
    if said is None and begun.config.name.kind == "function":
        return feed, "input: scaled by the data's own mean and deviation; what the weights want is not known"
    return _scaled(feed, said)


def _scaled(feed: "Feed", said: "dict[str, object] | None") -> "tuple[Feed, str]":
    from senet.data.normalised import Normalised
    from senet.data.transform import from_dict

    own, theirs = feed.transform, from_dict(said or IMAGENET.input_transform or {})
    if theirs.channels != own.channels:
        images = f"images of {counted(theirs.channels, 'channel')}"
        return feed, f"input: scaled by the data's own mean and deviation; the weights were trained on {images}"
    how = "as the weights were trained" if said else "by ImageNet's mean and deviation, since the weights say nothing"
    seen = replace(theirs, size=own.size, resize=own.resize, interpolation=own.interpolation)
    return Normalised(feed, seen), f"input: scaled {how}"
