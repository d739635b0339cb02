"""Models with inserted blocks as a folder: ``weights.safetensors`` and ``model.toml``, which rebuilds the model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

import senet
from senet.errors import UsageError, WeightsError
from senet.files import write_text
from senet.insertion import blocks
from senet.sources.assemble import assemble, original
from senet.sources.record import Record, grouped, read_record, record_text
from senet.weights import write_state
from senet.weights.digest import sha256
from senet.weights.state import Held, read

WEIGHTS, RECORD = "weights.safetensors", "model.toml"


def save_inserted(
    model: nn.Module, folder: str | PathLike[str], *, source: str, classes: int | None = None
) -> tuple[Path, Path]:
    """Write a model with inserted blocks so that :func:`rebuild` makes it again; at any time, trained or not.

    What was inserted is read off the model itself.

    Args:
        model: What :func:`senet.insertion.insert` or ``replace`` returned.
        folder: Holds the two files; what it held of them before is replaced.
        source: That the model was built from before the insertion, as :func:`build` takes it.
        classes: As ``build`` was given them.

    Returns:
        The files of weights and record.

    Raises:
        UsageError: Nothing was inserted; a spec that text cannot name; a state that is not all tensors.
        ResourceError: It cannot be written.
    """
    inserted = blocks(model)
    if not inserted:
        raise UsageError("nothing was inserted into this model", do="save its state_dict()")
    groups = grouped(inserted.values())
    weights, record = Path(folder) / WEIGHTS, Path(folder) / RECORD
    made = Record(senet=senet.__version__, source=source, classes=classes, sha256="", blocks=groups)
    record_text(made)  # what cannot be written must fail before the weights are
    write_state(unshared(model.state_dict()), weights, {"source": source, "record": RECORD})
    write_text(record, record_text(replace(made, sha256=sha256(weights))))
    return weights, record


def unshared(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share their memory with another, which safetensors does not write.

    Raises:
        UsageError: Something is no tensor.
    """
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise UsageError(f"the state holds other things than tensors: {', '.join(others[:5])}")
    seen: set[int] = set()
    own = {}
    for name, value in state.items():
        own[name] = value.clone() if value.untyped_storage().data_ptr() in seen else value
        seen.add(value.untyped_storage().data_ptr())
    return own


def rebuild(folder: str | PathLike[str], *, factory: Callable[[], nn.Module] | None = None) -> nn.Module:
    """Build a model again as :func:`save_inserted` wrote it, in training mode, dtypes as they were saved.

    Nothing of the folder is run: a record whose source is a ``MODULE.PATH:NAME`` imports nothing.

    Args:
        folder: Holds the two files; or the path of ``model.toml`` there.
        factory: Makes the model as it was before the insertion; needed where the source is such a function.

    Raises:
        UsageError: The factory is missing or fails, or the source's library does.
        WeightsError: A file is missing, damaged or not the one that belongs to the other, or does not fit.
    """
    return open_saved(Path(folder), factory)[0]


def open_saved(folder: Path, factory: Callable[[], nn.Module] | None) -> tuple[nn.Module, Held]:
    """Return what :func:`rebuild` does, and what the file of weights holds."""
    path = folder / RECORD if folder.is_dir() else folder
    record, weights = read_record(path), path.with_name(WEIGHTS)
    held = read(weights)
    if sha256(weights) != record.sha256:
        raise WeightsError(
            f"{WEIGHTS} is not the file that {RECORD} was written with", where=str(weights), do="fetch both again"
        )
    with torch.random.fork_rng(devices=[]):
        return assemble(original(record, held, str(path), factory), record.blocks, held, str(path)), held
