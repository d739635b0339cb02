"""create(): a network of ours with random weights, or with trained ones in the geometry that they were trained in."""

import logging
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, overload

from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.inference.classifier import build_classifier, count_outputs
from senet.inference.compute import Precision
from senet.inference.forward import resolve_device
from senet.models.factory.build_model import build_network
from senet.models.factory.config import ModelConfig
from senet.models.factory.name import ModelName, read_name
from senet.models.input_and_labels import image_of, labels_of, transform_of
from senet.models.load import LoadedModel
from senet.models.start.begin import begin
from senet.models.start.request import AS_IT_IS, ModelRequest, StartConfig
from senet.networks import PUBLISHED, Features, Network
from senet.networks import features_only as features_of
from senet.networks.create import Published
from senet.networks.network import Geometry
from senet.weights.files.read import read_weights
from senet.weights.infer_network import NetworkOptions
from senet.weights.load import load_into_model

if TYPE_CHECKING:
    from senet.data.transforms.input_settings import InputSettings


Weights = str | PathLike[str] | Mapping[str, Any]


@overload
def create(
    name: str,
    *,
    weights: Weights | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    geometry: Geometry | None = None,
    features_only: Literal[False] = False,
    out_indices: None = None,
) -> Network: ...
@overload
def create(
    name: str,
    *,
    weights: Weights | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    geometry: Geometry | None = None,
    features_only: Literal[True],
    out_indices: int | Sequence[int] | None = None,
) -> Features: ...
def create(
    name: str,
    *,
    weights: Weights | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    attention: AttentionSpec | Published | None = PUBLISHED,
    geometry: Geometry | None = None,
    features_only: bool = False,
    out_indices: int | Sequence[int] | None = None,
) -> Network | Features:
    """Build a published network, with the papers' initialisation or with weights.

    Args:
        name: A key of :data:`senet.NETWORKS`.
        weights: ``hub:ORG/NAME@REVISION``, a file, or a state dict, of any source that
            :func:`senet.load_weights` knows; the only way to make this function reach the network is ``hub:``.
            Geometry, number of classes and input channels are then the weights', unless they are given. What they
            are is recorded in ``origin`` of the network.
        num_classes: None means the weights', else the published row's. Another number than the weights' keeps a fresh
            classifier, which is logged; 0 leaves the classifier out, as in timm.
        in_channels: Of the images; None means the weights', else 3.
        attention: What fills the network's slots; ``PUBLISHED`` is the row's own, None is the network without.
        geometry: ``caffe`` or ``torch``; None means the weights', else the row's.
        features_only: Return the maps of the stages instead of logits, as a list.
        out_indices: Which of them, 0 is the first stage after the stem; all if None.

    Raises:
        UsageError: As of :func:`senet.networks.create`; a ``hub:`` name of another form.
        WeightsError: As of :func:`senet.load_weights`.
    """
    if out_indices is not None and not features_only:
        raise UsageError(f"out_indices={out_indices} is not read without features_only=True")
    state = None if weights is None else read_weights(weights)
    choice = NetworkOptions(attention, geometry, num_classes, in_channels)
    model = build_network(ModelConfig(ModelName("senet", name), choice), state)
    if state is not None:
        loaded = load_into_model(model, state, adapt=True)
        model.origin = {"source": loaded.source, **state.origin}
    return features_of(model, out_indices) if features_only else model


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
    begun = begin(
        ModelRequest(network, attention, start=StartConfig(geometry=geometry)), None, image_of(network, channels)
    )
    random = begun.fresh is None
    if random:
        logger.warning("%s has random weights: nothing is learned yet", begun.config.name.title)
    transform = transform_of(begun.model, begun.metadata, network, given)
    made = build_classifier(begun.model.to(resolve_device(device)), transform, precision)
    outputs = count_outputs(made, network)
    labels = labels_of(begun.metadata, classes, outputs, network)
    where = "random weights" if random else "weights of its own"
    return LoadedModel(made, outputs, labels, begun.metadata, begun.config.name, where)
