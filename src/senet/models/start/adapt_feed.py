"""The feed that suits a model: its images scaled as the weights were trained."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from senet.models.input import assumed_input
from senet.utils.text import counted

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed
    from senet.data.transforms.evaluation import InputTransform
from senet.models.start.begin import StartingModel


def adapt_feed(begun: StartingModel, feed: "Feed") -> "tuple[Feed, str]":
    """Return the feed that suits a model, and what a user should know of it.

    Weights that say their mean and deviation get them; a library's that do not, ImageNet's, as where they are used
    (:func:`senet.load`); a function's own weights, and random ones, the data's.

    Args:
        begun: The model.
        feed: Yields the batches.
    """
    from senet.data.loader.feed import given_of

    if begun.fresh is None:
        return feed, ""
    said = None if begun.loaded is None else begun.loaded.metadata.input_transform
    given = given_of(feed)
    if said is None and given.mean and given.std:
        return feed, ""
    if said is None and begun.config.name.kind == "function":
        return feed, "input: scaled by the data's own mean and deviation; what the weights need is not known"
    return _with_weights_scale(feed, said, begun.plain)


def _with_weights_scale(feed: "Feed", said: "dict[str, object] | None", model: nn.Module) -> "tuple[Feed, str]":
    from senet.data.loader.feed import given_of
    from senet.data.transforms.evaluation import from_dict

    assumed, whose = assumed_input(model)
    own, theirs, given = feed.transform, from_dict(said or assumed), given_of(feed)
    if theirs.channels != own.channels and given.in_channels is None:
        images = f"images of {counted(theirs.channels, 'channel')}"
        return feed, f"input: scaled by the data's own mean and deviation; the weights were trained on {images}"
    how = "as the weights were trained" if said else f"by {whose} mean and deviation, since the weights say nothing"
    replaced = given.replaced(theirs, "the weights say") if said else ()
    seen = replace(theirs, size=own.size, resize=own.resize, interpolation=own.interpolation)
    return feed.rescaled(given.over(seen)), "; ".join((f"input: scaled {how}", *_size_notes(said, own), *replaced))


def _size_notes(said: "dict[str, object] | None", own: "InputTransform") -> Iterator[str]:
    """Say what weights say of size and resize that is not taken: the data decides, or a flag."""
    from senet.data.transforms.evaluation import from_dict

    if not said:
        return
    theirs = from_dict(said)
    if {"size", "input_size"} & said.keys() and theirs.size != own.size:
        (height, width), (rows, columns) = theirs.size, own.size
        which = f", --image-size {height} takes theirs" if height == width else ""
        yield f"the weights were trained on {width} x {height}, these images are {columns} x {rows}{which}"
    if "interpolation" in said and theirs.interpolation != own.interpolation:
        wanted = theirs.interpolation
        yield f"the weights say {wanted}, resized is {own.interpolation}, --interpolation {wanted} takes theirs"
