"""create(): a network by its published name, with the attention, classes and geometry of your choice."""

from dataclasses import replace
from enum import Enum
from typing import Any, cast

from senet.attention import AttentionSpec
from senet.errors import UsageError, did_you_mean
from senet.networks.init import initialise
from senet.networks.network import Geometry, Network, NetworkSpec
from senet.networks.published.registry import NETWORKS


class Published(Enum):
    """Marks a choice that the published row makes."""

    PUBLISHED = "published"

    def __repr__(self) -> str:
        return "PUBLISHED"


PUBLISHED = Published.PUBLISHED


def create(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    attention: AttentionSpec | Published | None = PUBLISHED,
    geometry: Geometry | None = None,
) -> Network:
    """Build a network with the papers' initialisation, drawn from torch's global generator.

    Args:
        name: A key of :data:`NETWORKS`.
        num_classes: None means the published row's; 0 is a network without a classifier, which returns what would
            enter it, (B, ``num_features``).
        in_channels: Of the images.
        attention: What fills the network's slots; ``PUBLISHED`` is the row's own, None is the same network
            without attention, against which attention's price is measured.
        geometry: ``caffe`` (the authors') or ``torch`` (torchvision's and timm's); None means the row's.
            Parameters do not tell them apart, so weights of one silently give wrong logits in the other.

    Raises:
        UsageError: An unknown name, a spec that fits no slot or no width, a geometry that the row lacks.
    """
    spec = with_attention(with_geometry(published(name), name, geometry), attention)
    classes = spec.num_classes if num_classes is None else num_classes
    if classes < 0 or in_channels < 1:
        raise UsageError(f"{name}: num_classes={classes} must be at least 0, in_channels={in_channels} at least 1")
    model = spec.build(classes or spec.num_classes, in_channels)
    model.name, model.spec = name, spec
    initialise(model)
    if classes == 0:  # after the draws, so that the trunk of a seed is that of the published network
        model.reset_classifier(0)
    return model


def published(name: str) -> NetworkSpec:
    """Look a published row up."""
    if name not in NETWORKS:
        raise UsageError(f"no network is called {name!r}", do=did_you_mean(name, NETWORKS))
    return NETWORKS[name]


def with_attention(spec: NetworkSpec, attention: AttentionSpec | Published | None) -> NetworkSpec:
    """Replace the row's attention, unless it is to stay as published."""
    if isinstance(attention, Published):
        return spec
    return cast(NetworkSpec, replace(cast(Any, spec), attention=attention))


def with_geometry(spec: NetworkSpec, name: str, geometry: Geometry | None) -> NetworkSpec:
    """Replace the row's geometry, where it has a choice."""
    if geometry is None:
        return spec
    if spec.geometry is None or geometry not in ("caffe", "torch"):
        choices = "no choice of geometry" if spec.geometry is None else "the geometries caffe and torch"
        do = "leave it out (--geometry)" if spec.geometry is None else ""
        raise UsageError(f"{name} has {choices}, got geometry={geometry!r}", do=do)
    return cast(NetworkSpec, replace(cast(Any, spec), geometry=geometry))
