"""load_named(): a model by its name alone, ready for images."""

import logging
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from senet.inference.classifier import classifier, outputs_of
from senet.inference.compute import Precision
from senet.inference.device import device_of
from senet.models.begin import begin
from senet.models.load import LoadedModel
from senet.models.name import read_name
from senet.models.usage import image_of, labels_of, transform_of
from senet.models.wanted import AS_IT_IS, Start, Wanted
from senet.networks.network import Geometry

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.input import InputSettings

logger = logging.getLogger("senet")


def load_named(
    network: str,
    *,
    geometry: Geometry | None = None,
    attention: str = AS_IT_IS,
    classes: str | PathLike[str] | Sequence[str] | None = None,
    precision: Precision = "float32",
    device: str = "cpu",
    given: "InputSettings | None" = None,
) -> LoadedModel:
    """Open a model by its name alone, with the weights that whoever makes it gives it; random ones are logged.

    Args:
        network: As :func:`senet.models.read_name` reads it; a function is imported and called.
        geometry: Of a network of ours.
        attention: In its slots, or inserted, as text.
        classes: Names of the outputs, or a JSON file of them.
        precision: Of the computation.
        device: ``cpu``, ``cuda``, ``mps`` or ``auto``.
        given: Of the input, over what is assumed.

    Raises:
        SenetError: As of :func:`senet.models.begin`; it does not make (B, classes) of images.
    """
    channels = given.in_channels if given is not None and read_name(network).kind == "senet" else None
    begun = begin(Wanted(network, attention, start=Start(geometry=geometry)), None, image_of(network, channels))
    random = begun.fresh is None
    if random:
        logger.warning("%s has random weights: nothing is learned yet", begun.config.name.title)
    transform = transform_of(begun.model, begun.metadata, network, given)
    made = classifier(begun.model.to(device_of(device)), transform, precision)
    outputs = outputs_of(made, network)
    labels = labels_of(begun.metadata, classes, outputs, network)
    where = "random weights" if random else "weights of its own"
    return LoadedModel(made, outputs, labels, begun.metadata, begun.config.name, where)
