"""What weights say of their input, what is assumed where they say nothing, and what a user says over it."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from senet.errors import UsageError
from senet.metadata import Metadata
from senet.weights.sources.dialect import IMAGENET

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.transforms.input_settings import InputSettings

logger = logging.getLogger("senet")


def assumed_input(model: nn.Module) -> tuple[dict[str, Any], str]:
    """Return mean and deviation of weights that say nothing of them, and whose they are: ``ImageNet's``.

    torchvision's GoogLeNet and Inception v3 were trained on pixels in -1..1. Built with their weights by torchvision
    they take ImageNet's scale and turn it into that one themselves (``transform_input``); built without, they do not.

    Args:
        model: That the weights are of.
    """
    if getattr(model, "transform_input", None) is False:
        half = (0.5, 0.5, 0.5)
        return {**(IMAGENET.input_transform or {}), "mean": half, "std": half}, f"{type(model).__name__}'s"
    return dict(IMAGENET.input_transform or {}), "ImageNet's"


def override_input(metadata: Metadata, given: "InputSettings", where: str) -> Metadata:
    """Return what travels with weights, with what a user says of their input in the place of what they say.

    Args:
        metadata: Of the weights.
        given: By the user; what it replaces is logged.
        where: The file, for messages.

    Raises:
        UsageError: Weights that say nothing, and one of mean and deviation alone; other numbers than channels.
    """
    from senet.data.transforms.evaluation import from_dict

    said = metadata.input_transform
    if not given.to_dict():
        return metadata
    if given.in_channels is not None:
        do = "senet train --in-channels builds a network for other channels"
        raise UsageError("--in-channels cannot change a network that is already built", where=where, do=do)
    if said is None and (given.mean is None or given.std is None):
        raise UsageError("the weights say nothing of their input", where=where, do="give both --mean and --std")
    if said is None:
        return replace(metadata, input_transform=given.to_dict())
    for line in given.replaced(from_dict(said, where), "the weights say"):
        logger.warning("%s", line)
    kept = {key: value for key, value in said.items() if key != "resize" or given.crop_pct is None}
    over = given.over(from_dict(said, where)).to_dict()
    resized = {} if given.crop_pct is None else {"crop_pct": given.crop_pct}
    moved = {key: over[key] for key in ("mean", "std", "interpolation", "range") if over[key] != said.get(key)}
    return replace(metadata, input_transform=kept | moved | resized)
