"""Models with inserted blocks as a folder: ``weights.safetensors`` and ``model.toml``, which rebuilds the model."""

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from senet.errors import UsageError, WeightsError
from senet.insertion import blocks
from senet.metadata import NO_METADATA, RECORD_FILE, Metadata, read_metadata
from senet.models.factory.build_model import build_model, config_from_weights, fill_model
from senet.models.factory.config import Factory, ModelConfig, model_metadata
from senet.models.factory.name import ModelName, recorded_name
from senet.models.saved.blocks import cast_to_saved_dtypes
from senet.models.saved.record import ModelRecord, SavedWeights, parse_record, read_record, record_text
from senet.networks import Network
from senet.utils.files import sha256, write_text
from senet.weights import write_state
from senet.weights.files.read import LoadedStateDict, read_weights
from senet.weights.files.write import require_safetensors
from senet.weights.infer_network import NetworkOptions
from senet.weights.load import LoadReport

WEIGHTS_FILE = "weights.safetensors"


def save_inserted(
    model: nn.Module,
    folder: str | PathLike[str],
    *,
    source: str,
    classes: int | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[Path, Path]:
    """Write a model with inserted blocks so that :func:`rebuild` makes it again; at any time, trained or not.

    What was inserted is read off the model itself.

    Args:
        model: What :func:`senet.insertion.insert` or ``replace`` returned.
        folder: Holds the two files; what it held of them before is replaced.
        source: Name of the model before the insertion, such as ``torchvision:resnet18``.
        classes: Outputs of its classifier, where it is not the source's own number.
        about: More to travel with the weights, as of :func:`senet.save_weights`: ``input_transform``, ``classes``.

    Returns:
        The files of weights and record.

    Raises:
        UsageError: Nothing was inserted; a spec that text cannot name; a state that is not all tensors.
        ResourceError: It cannot be written.
    """
    config = ModelConfig(recorded_name(source), NetworkOptions(num_classes=classes))
    return write_folder(model, Path(folder), config, read_metadata(about or {}, "about"))


def write_folder(
    model: nn.Module, folder: Path, config: ModelConfig, about: Metadata = NO_METADATA
) -> tuple[Path, Path]:
    """Write a model with inserted blocks; as :func:`save_inserted`, of a model that a config built."""
    if not blocks(model):
        raise UsageError("nothing was inserted into this model", do="save its state_dict()")
    weights, path = folder / WEIGHTS_FILE, folder / RECORD_FILE
    said = model_metadata(model, config).with_defaults(about)
    record = parse_record(said.record or "", str(path))  # what cannot be written must fail before the weights are
    write_state(model.state_dict(), weights, replace(said, record=RECORD_FILE, source=record.source))
    write_text(path, record_text(replace(record, sha256=sha256(weights))))
    return weights, path


def save_weights(model: Network, path: str | PathLike[str], *, about: Mapping[str, Any] | None = None) -> None:
    """Write a network's weights, with all that builds it again: attention, geometry, classes, inserted blocks.

    Args:
        model: Made by :func:`senet.create`, with or without blocks of :func:`senet.insert` in it.
        path: Ends in ``.safetensors``.
        about: More to travel with them, JSON-ready: ``input_transform``, ``classes``, ``licence``, ``origin``.

    Raises:
        UsageError: Another suffix; a network that ``create()`` did not make; a spec that text cannot name.
        ResourceError: It cannot be written.
    """
    path = Path(path)
    require_safetensors(path)
    said = model_metadata(model, ModelConfig(ModelName("senet", model.name)))
    write_state(model.state_dict(), path, said.with_defaults(read_metadata(about or {}, "about")))


def rebuild(folder: str | PathLike[str], *, factory: Factory | None = None) -> nn.Module:
    """Build a model again as :func:`save_inserted` wrote it, in training mode, dtypes as they were saved.

    Nothing of the folder is run: a record whose source is a function imports nothing.

    Args:
        folder: Holds the two files; or the path of ``model.toml`` there.
        factory: Makes the model as it was before the insertion; needed where the source is such a function.

    Raises:
        UsageError: The factory is missing or fails, or the source's library does.
        WeightsError: A file is missing, damaged or not the one that belongs to the other, or does not fit.
    """
    path = Path(folder)
    return rebuild_and_load(read_saved(path / RECORD_FILE if path.is_dir() else path), factory)[0].train()


def rebuild_and_load(
    trained: SavedWeights, factory: Factory | None = None
) -> tuple[nn.Module, LoadReport, ModelConfig]:
    """Build the model that weights say they are of, and load them; torch's generator is left as it was.

    Raises:
        UsageError: It is a function, which a file's word alone does not import.
        WeightsError: The weights do not say, or what they say cannot be.
    """
    where, config = trained.state.where, replace(config_from_weights(trained), factory=factory)
    if config.name.kind == "function" and factory is None:
        raise UsageError(
            f"the record names code to import, {config.name}; nothing is imported from a file",
            where=where,
            do=f"name it yourself: --network {config.name} (network=FUNCTION of senet.load, factory= of rebuild)",
        )
    try:
        return build_and_load(config, trained)
    except UsageError as error:
        if factory is not None:
            raise
        raise WeightsError(error.what, where=where, do=error.do) from error


def build_and_load(config: ModelConfig, trained: SavedWeights) -> tuple[nn.Module, LoadReport, ModelConfig]:
    """Build a model and load its weights in the dtypes that they have; torch's generator is left as it was.

    Raises:
        SenetError: As of :func:`build` and :func:`~senet.models.factory.build_model.fill_model`.
    """
    with torch.random.fork_rng(devices=[]):
        # Ours take memory when all shapes are known to fit: the file may come from anywhere.
        with torch.device("meta" if config.name.kind == "senet" and config.factory is None else "cpu"):
            model = build_model(config, trained)
        cast_to_saved_dtypes(model, trained.state)
        return model, fill_model(model, config.name, trained.state), config


def read_saved(weights: str | PathLike[str], raw: bool = False) -> SavedWeights:
    """Read weights and the record of their model, which lies within them or beside.

    Args:
        weights: As :func:`senet.load_weights` takes them; or a folder of :func:`save_inserted`, or either of its files.
        raw: Take the raw weights where a file has an average of them, too.

    Raises:
        WeightsError: A file is missing, damaged or not the one that belongs to the other.
    """
    beside = _record_beside(Path(weights))
    state = read_weights(weights if beside is None else beside.with_name(WEIGHTS_FILE), raw)
    if beside is None:
        return SavedWeights(state, _record_within(state))
    record = read_record(beside)
    if state.sha256 != record.sha256:
        what = f"{WEIGHTS_FILE} does not match the SHA-256 in {RECORD_FILE}"
        raise WeightsError(what, where=state.where, do="fetch both again")
    geometry = state.metadata.geometry or record.name.geometry  # in the name, in records of before
    return SavedWeights(replace(state, metadata=replace(state.metadata, geometry=geometry)), record)


def weights_file(path: Path) -> Path:
    """Return the file of weights in a folder of :func:`save_inserted`; any other path as it is."""
    beside = _record_beside(path)
    return path if beside is None else beside.with_name(WEIGHTS_FILE)


def _record_beside(path: Path) -> Path | None:
    if path.name == RECORD_FILE:
        return path
    beside = [path / RECORD_FILE, *([path.with_name(RECORD_FILE)] if path.name == WEIGHTS_FILE else [])]
    return next((record for record in beside if record.is_file()), None)


def _record_within(state: LoadedStateDict) -> ModelRecord | None:
    said = state.metadata.record
    if said == RECORD_FILE:
        raise WeightsError(f"{RECORD_FILE} is missing beside these weights", where=state.where)
    return None if said is None else parse_record(said, f"{state.where}: record")
