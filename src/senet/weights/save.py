"""The one writer of weights: safetensors with a single metadata entry."""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from senet.attention import to_dict
from senet.errors import UsageError
from senet.files import write_atomically
from senet.networks import Network
from senet.weights.state import ENTRY


def write_state(state: Mapping[str, Tensor], path: Path, about: Mapping[str, Any]) -> None:
    """Write a state dict atomically.

    Args:
        state: Tensors by name; none may be on the meta device.
        path: Ends in ``.safetensors``.
        about: What a reader needs to use them, JSON-ready.

    Raises:
        ResourceError: It cannot be written; the path keeps its old content.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    # One entry: safetensors writes several in no fixed order, and equal trials would differ in their bytes.
    metadata = {ENTRY: json.dumps(about)}
    write_atomically(path, lambda temporary: _fill(temporary, tensors, metadata))


def _fill(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        safetensors.torch.save_file(tensors, path, metadata)
    except safetensors.SafetensorError as error:  # a full disk, in safetensors' own class
        raise OSError(str(error).rpartition("I/O error: ")[2]) from error


def save_weights(model: Network, path: str | PathLike[str], *, about: Mapping[str, Any] | None = None) -> None:
    """Write a network's weights, with its name, attention, geometry and number of classes.

    Args:
        model: Made by :func:`senet.create`.
        path: Ends in ``.safetensors``.
        about: More to travel with them, JSON-ready: ``input_transform``, ``classes``, ``licence``, ``origin``.

    Raises:
        UsageError: Another suffix; a network that ``create()`` did not make.
        ResourceError: It cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise UsageError(f"{path.name}: weights are written as safetensors", do="end the name in .safetensors")
    write_state(model.state_dict(), path, {**(about or {}), **describe(model)})


def describe(model: Network) -> dict[str, Any]:
    """Return what builds the network again, JSON-ready.

    Raises:
        UsageError: ``create()`` did not make it.
    """
    if model.spec is None:
        raise UsageError("the network has no name", do="make it with senet.create()")
    return {
        "network": model.name,
        "attention": to_dict(model.spec.attention),
        "geometry": model.spec.geometry,
        "num_classes": model.num_classes,
    }
