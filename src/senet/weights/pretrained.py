"""create() with weights: a published network, in the geometry that the weights were trained in."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from senet import networks
from senet.attention import AttentionSpec
from senet.networks import PUBLISHED, Network
from senet.networks.create import Published
from senet.networks.network import Geometry
from senet.weights.fitting import network_for
from senet.weights.load import Loaded, install
from senet.weights.recognise import Source, recognise
from senet.weights.state import read


def create(
    name: str,
    *,
    weights: str | PathLike[str] | Mapping[str, Any] | None = None,
    num_classes: int | None = None,
    in_channels: int = 3,
    attention: AttentionSpec | Published | None = PUBLISHED,
    geometry: Geometry | None = None,
) -> Network:
    """Build a published network, with the papers' initialisation or with weights.

    Args:
        name: A key of :data:`senet.NETWORKS`.
        weights: ``hub:ORG/NAME@REVISION``, a file, or a state dict, of any source that
            :func:`senet.load_weights` knows; the only way to make this function reach the network is ``hub:``.
            Geometry, number of classes and input channels are then the weights', unless they are given. What they
            are is recorded in ``origin`` of the network.
        num_classes: None means the published row's.
        in_channels: Of the images.
        attention: What fills the network's slots; ``PUBLISHED`` is the row's own, None is the network without.
        geometry: ``caffe`` or ``torch``; None means the row's.

    Raises:
        UsageError: As of :func:`senet.networks.create`; a ``hub:`` name of another form.
        WeightsError: As of :func:`senet.load_weights`.
    """
    if weights is None:
        return networks.create(
            name, num_classes=num_classes, in_channels=in_channels, attention=attention, geometry=geometry
        )
    held = read(weights)
    source, dialect = recognise(held)
    if (num_classes, in_channels, geometry) == (None, 3, None):
        model = network_for(name, held, dialect, attention)
    else:
        model = networks.create(
            name, num_classes=num_classes, in_channels=in_channels, attention=attention, geometry=geometry
        )
    install(model, held, source, dialect)
    model.origin = {"source": source, **held.origin}
    return model


def fitted(
    name: str,
    weights: str | PathLike[str] | Mapping[str, Any],
    *,
    source: Source | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
) -> tuple[Network, Loaded]:
    """Build the network of a name that weights fit, and load them.

    Args:
        name: A key of :data:`senet.NETWORKS`; geometry, classes and input channels follow from the weights.
        weights: As :func:`senet.load_weights` takes them.
        source: Whose names they have; None recognises it.
        attention: As for :func:`create`, where the weights are not for the published one.

    Raises:
        UsageError: No such network or source.
        WeightsError: As of :func:`senet.load_weights`.
    """
    held = read(weights)
    found, dialect = recognise(held, source)
    model = network_for(name, held, dialect, attention)
    return model, install(model, held, found, dialect)
