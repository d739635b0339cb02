"""The one writer of weights: safetensors with a single metadata entry."""

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor, nn

from senet.attention import to_dict
from senet.errors import UsageError
from senet.files import write_atomically
from senet.metadata import Metadata
from senet.networks import Network
from senet.weights.state import ENTRY


def write_state(state: Mapping[str, Tensor], path: Path, metadata: Metadata) -> None:
    """Write a state dict atomically.

    Args:
        state: Tensors by name; none may be on the meta device.
        path: Ends in ``.safetensors``.
        metadata: What a reader needs to use them.

    Raises:
        ResourceError: It cannot be written; the path keeps its old content.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    # One entry: safetensors writes several in no fixed order, and equal trials would differ in their bytes.
    entry = {ENTRY: json.dumps(metadata.to_dict())}
    write_atomically(path, lambda temporary: _fill(temporary, tensors, entry))


def _fill(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        safetensors.torch.save_file(tensors, path, metadata)
    except safetensors.SafetensorError as error:  # a full disk, in safetensors' own class
        raise OSError(str(error).rpartition("I/O error: ")[2]) from error


def describe(model: Network) -> Metadata:
    """Return what builds the network again, without blocks that were inserted into it.

    Raises:
        UsageError: ``create()`` did not make it.
    """
    if model.spec is None:
        raise UsageError("the network has no name", do="make it with senet.create()")
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    return Metadata(
        network=model.name,
        attention=to_dict(model.spec.attention),
        geometry=model.spec.geometry,
        num_classes=model.num_classes,
        in_channels=first.in_channels,
    )
