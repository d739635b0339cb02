"""How a trained model is used: the input that it takes and what its outputs mean, as its weights say or as is usual."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from senet.errors import UsageError, WeightsError
from senet.image_size import native_image_size
from senet.metadata import Metadata
from senet.models.factory.head import ImageShape, find_classifier, num_outputs
from senet.models.factory.name import ModelName, read_name
from senet.models.input import assumed_input
from senet.models.saved.folder import read_saved
from senet.networks import NETWORKS, Network
from senet.weights.load import KeepOrNew
from senet.weights.sources.dialect import IMAGENET

if TYPE_CHECKING:  # they import torchvision
    from senet.data.labels.labels import Labels
    from senet.data.transforms.evaluation import InputTransform
    from senet.data.transforms.input_settings import InputSettings

logger = logging.getLogger("senet")
USUAL_ORDER = f"not stated; for 1,000 classes usually {IMAGENET.class_order}"
PHOTOGRAPHS = 100  # pixels; networks for smaller images see the whole of them


def transform_of(
    model: nn.Module, metadata: Metadata, where: str, given: "InputSettings | None" = None
) -> "InputTransform":
    """Return how an image becomes a model's input; what is assumed is logged.

    Args:
        model: With its weights.
        metadata: Of the weights.
        where: The file, for messages.
        given: By the user, over what the weights say; what it replaces is logged.

    Raises:
        DataError: The weights say what cannot be.
        UsageError: Nor can what is given.
    """
    from senet.data.transforms.evaluation import from_dict

    said = metadata.input_transform
    if said is None:
        said, whose = assumed_input(model)
        _say_assumed(given, whose)
    transform = from_dict(said, where)
    if "size" not in said and "input_size" not in said:
        transform = replace(transform, **_published(model))
        height, width = transform.size
        text = "the weights give no image size: %d x %d of %d is taken"
        logger.warning(text, height, width, transform.resize)
    if given is None:
        return transform
    for line in given.replaced(transform, "the weights say") if metadata.input_transform else ():
        logger.warning("%s", line)
    return given.over(transform)


def _say_assumed(given: "InputSettings | None", whose: str) -> None:
    known = {"mean": given and given.mean, "deviation": given and given.std}
    if assumed := [name for name, value in known.items() if value is None]:
        verb = "are" if len(assumed) > 1 else "is"
        text = "the weights say nothing of their input: %s %s %s assumed"
        logger.warning(text, whose, " and ".join(assumed), verb)


def _published(model: nn.Module) -> dict[str, Any]:
    """Return the size that the network is published for."""
    from senet.data.transforms.evaluation import SHARE, SIZE

    spec = model.spec if isinstance(model, Network) else None
    own = None if spec else native_image_size(model)
    side = spec.size if spec else own[0] if own else SIZE
    return {"size": (side, side), "resize": math.floor(side / SHARE) if side > PHOTOGRAPHS else side}


def image_of(network: str, channels: int | None = None, side: int | None = None) -> ImageShape:
    """Return channels, height and width of the images that a network is made for: published, trained on, or usual.

    Args:
        network: As :func:`~senet.models.read_name` reads it.
        channels: Instead of its own.
        side: Height and width, instead of its own.

    Raises:
        UsageError: No such network.
        WeightsError: A file that cannot be read.
    """
    own = _image(read_name(network))
    sides = own[1:] if side is None else (side, side)
    return own[0] if channels is None else channels, *sides


def _image(name: ModelName) -> ImageShape:
    from senet.data.transforms.evaluation import SIZE, from_dict

    if name.kind == "senet":
        side = NETWORKS[name.name].size
        return 3, side, side
    said = read_saved(name.name).state.metadata.input_transform if name.kind == "saved" else None
    if said is None:
        return 3, SIZE, SIZE
    transform = from_dict(said, name.name)
    return transform.channels, *transform.size


def require_num_classes(classes: int | None, head: KeepOrNew) -> None:
    """Refuse a fresh classifier for no number of classes.

    Raises:
        UsageError: It is one.
    """
    if head == "new" and classes is None:
        raise UsageError("--head new needs a number of classes", do="pass --classes N")


def require_classes_reach(
    network: str, model: nn.Module, image: ImageShape, classes: int | None, head: KeepOrNew
) -> None:
    """Refuse a number of classes that did not reach a model.

    Args:
        network: As :func:`~senet.models.read_name` reads it.
        model: That was built of it.
        image: Channels, height and width that it takes.
        classes: That were asked for, if any were.
        head: Whether its classifier is a fresh one.

    Raises:
        UsageError: The model has others.
    """
    reasons = {"function": "is called without arguments", "saved": "has its classifier already"}
    why = reasons.get(read_name(network).kind)
    if why is None or classes is None or head == "new":
        return
    has = num_outputs(model, find_classifier(model, image))
    if has != classes:
        do = f"--head new --classes {classes} puts a fresh classifier in the place of its own"
        raise UsageError(f"{network} {why} and has {has} classes, so --classes cannot reach it", do=do)


def labels_of(
    metadata: Metadata, given: str | PathLike[str] | Sequence[str] | None, outputs: int, where: str
) -> "Labels | None":
    """Return what the outputs of a model mean; None where it is not known.

    Args:
        metadata: Of its weights.
        given: Names, or a JSON file of them, from the user.
        outputs: How many the model has.
        where: The file of weights, for messages.

    Raises:
        DataError: The file of names cannot be read, or disagrees with the weights.
        UsageError: A name for an output that the model lacks.
        WeightsError: Another number of classes than outputs.
    """
    from senet.data.labels.labels import labels_from_names, require_same_labels

    labels = _given(given)
    named = metadata.classes
    if (
        named is not None and not metadata.identifies_model and (labels or len(named) != outputs)
    ):  # they lie beside, no more
        logger.warning("the %d class names beside the weights are not used", len(named))
        named = None
    if named is None:
        order = metadata.class_order or (USUAL_ORDER if outputs == 1000 else None)
        if labels and order:
            logger.warning("the order of the weights' classes: %s; --classes has to follow it", order)
    else:
        stored = labels_from_names(named, where)
        if len(stored.names) != outputs:
            raise WeightsError(f"{len(stored.names)} classes, but the model has {outputs} outputs", where=where)
        if labels:
            require_same_labels(labels, stored.names, where)
        labels = labels or stored
    if labels and labels.numbers[-1] >= outputs:
        last, number = labels.names[-1], labels.numbers[-1]
        raise UsageError(f"the class {last!r} has number {number}, but the model has {outputs} outputs")
    return labels


def _given(classes: str | PathLike[str] | Sequence[str] | None) -> "Labels | None":
    from senet.data.labels.labels import labels_from_names, read_labels

    if classes is None:
        return None
    if isinstance(classes, str | PathLike):
        return read_labels(Path(classes))
    return labels_from_names(classes)
