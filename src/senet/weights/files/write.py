"""The one writer of weights: safetensors with a single metadata entry."""

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from senet.errors import UsageError
from senet.metadata import Metadata
from senet.utils.files import write_atomically
from senet.weights.files.read import METADATA_KEY


def write_state(state: Mapping[str, Tensor], path: Path, metadata: Metadata) -> None:
    """Write a state dict atomically.

    Args:
        state: Tensors by name; none may be on the meta device. Those that share their memory are written each.
        path: Ends in ``.safetensors``.
        metadata: What a reader needs to use them.

    Raises:
        UsageError: Something is no tensor.
        ResourceError: It cannot be written; the path keeps its old content.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in _unshared(state).items()}
    # One entry: safetensors writes several in no fixed order, and equal trials would differ in their bytes.
    entry = {METADATA_KEY: json.dumps(metadata.to_dict())}
    write_atomically(path, lambda temporary: _fill(temporary, tensors, entry))


def _unshared(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share their memory with another, which safetensors does not write.

    Raises:
        UsageError: Something is no tensor.
    """
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise UsageError(f"the state dict holds values that are no tensors: {', '.join(others[:5])}")
    seen: set[int] = set()
    own = {}
    for name, value in state.items():
        own[name] = value.clone() if value.untyped_storage().data_ptr() in seen else value
        seen.add(value.untyped_storage().data_ptr())
    return own


def _fill(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        safetensors.torch.save_file(tensors, path, metadata)
    except safetensors.SafetensorError as error:  # a full disk, in safetensors' own class
        raise OSError(str(error).rpartition("I/O error: ")[2]) from error


def require_safetensors(path: Path) -> None:
    """Refuse a name that does not end as that of the file that will be written.

    Raises:
        UsageError: Another suffix.
    """
    if path.suffix != ".safetensors":
        raise UsageError(f"{path.name}: weights are written as safetensors", do="end the name in .safetensors")
