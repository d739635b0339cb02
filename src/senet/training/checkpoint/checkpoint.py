"""One checkpoint: a folder of tensors and JSON that is there whole or not at all, and says when it is damaged."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from senet.errors import ResourceError, WeightsError
from senet.utils.files import sha256, write_with_permissions, writing_remedy

FORMAT = 1
TENSORS, STATE = "tensors.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the next step depends on.

    Args:
        tensors: By name.
        state: The rest, JSON-ready.
    """

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint to a temporary folder, flush it to disk, read it back, and only then give it its name.

    Raises:
        ResourceError: It could not be written, or is not on disk what it was in memory; nothing else is touched.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _fill(temporary, checkpoint)
        read_checkpoint(temporary)
        if folder.exists():  # damaged, else the run would not be here a second time
            shutil.rmtree(folder)
        temporary.rename(folder)
        _flush(folder.parent)
    except (OSError, safetensors.SafetensorError, WeightsError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        what, do = _refused(error, checkpoint, folder), writing_remedy(error)
        raise ResourceError(what, where=str(folder), do=do) from error


def _fill(folder: Path, checkpoint: Checkpoint) -> None:
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    write_with_permissions(folder / TENSORS, lambda path: safetensors.torch.save_file(tensors, path))
    state = json.dumps(checkpoint.state)
    envelope = {"format": FORMAT, "tensors": sha256(folder / TENSORS), "digest": _digest(state), "state": state}
    (folder / STATE).write_text(json.dumps(envelope), encoding="utf-8")
    for path in (folder / TENSORS, folder / STATE, folder):
        _flush(path)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        WeightsError: A part is missing, cut short, altered, or of a format that we do not know.
    """
    try:
        envelope = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if envelope["format"] != FORMAT:
            raise WeightsError(f"format {envelope['format']}, this version reads {FORMAT}", where=str(folder))
        if _digest(envelope["state"]) != envelope["digest"]:
            raise WeightsError("damaged: the checksum of its state differs", where=str(folder))
        if sha256(folder / TENSORS) != envelope["tensors"]:
            raise WeightsError("damaged: the checksum of its tensors differs", where=str(folder))
        return Checkpoint(safetensors.torch.load_file(folder / TENSORS), json.loads(envelope["state"]))
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"damaged: {error}", where=str(folder)) from error


def _refused(error: Exception, checkpoint: Checkpoint, folder: Path) -> str:
    """Say what went wrong, what was needed and what there is."""
    needed = sum(value.nbytes for value in checkpoint.tensors.values()) / 1e6
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
    try:
        free = f"{shutil.disk_usage(folder.parent).free / 1e6:.1f} MB free"
    except OSError:
        free = "free space unknown"
    return f"cannot save a checkpoint: {reason} (needs {needed:.1f} MB, {free})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
