"""What the gates over positions do with single images, layer by layer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from senet.excitation.recording.gates import Kind
from senet.excitation.recording.record import record
from senet.excitation.summary import Numbers, SpatialMaps
from senet.inference.classifier import Classifier
from senet.inference.forward import compute_logits

DIGITS = 4


def spatial_maps(classifier: Classifier, images: Tensor, numbers: Sequence[int]) -> tuple[SpatialMaps, ...]:
    """Return the maps of all gates over positions, each at its own resolution, of a handful of images.

    Args:
        classifier: Model and input.
        images: (B, C, H, W) uint8, of the transform's size; the maps are of these pixels, after the centre crop.
        numbers: Of the images, B.

    Returns:
        One for each image, without an activation map; `maps` is empty where no gate weighs positions.

    Raises:
        UsageError: A model that :func:`~senet.excitation.recording.record` refuses.
    """
    model, device = classifier.model, next(classifier.model.parameters()).device
    with torch.no_grad(), record(model) as recorded:
        compute_logits(model, classifier.transform.normalise(images.to(device)), classifier.compute)
    read = {gate.name: gate.values for gate in recorded.gates.values() if gate.kind is Kind.POSITIONS}
    maps = {name: values for name, values in read.items() if values is not None}
    return tuple(
        SpatialMaps(number, {name: rounded_rows(values[place]) for name, values in maps.items()})
        for place, number in enumerate(numbers)
    )


def rounded_rows(values: Tensor) -> tuple[Numbers, ...]:
    """Return a map (H, W) as rows of rounded numbers; one row where it has one axis."""
    table = values.double().reshape(-1, values.shape[-1]).tolist()
    return tuple(tuple(round(number, DIGITS) for number in row) for row in table)
