"""create(): a network of ours with random weights, or with trained ones in the geometry that they were trained in."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, overload

from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.models.config import ModelConfig
from senet.models.libraries import network
from senet.models.name import Name
from senet.networks import PUBLISHED, Features, Network
from senet.networks import features_only as features_of
from senet.networks.create import Published
from senet.networks.network import Geometry
from senet.weights.fitting import Choice
from senet.weights.load import install
from senet.weights.state import read

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
    held = None if weights is None else read(weights)
    choice = Choice(attention, geometry, num_classes, in_channels)
    model = network(ModelConfig(Name("senet", name), choice), held)
    if held is not None:
        loaded = install(model, held, adapt=True)
        model.origin = {"source": loaded.source, **held.origin}
    return features_of(model, out_indices) if features_only else model
