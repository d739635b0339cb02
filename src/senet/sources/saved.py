"""Models with inserted blocks as a folder: ``weights.safetensors`` and ``model.toml``, which rebuilds the model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

import senet
from senet.attention import AttentionSpec, parse
from senet.errors import SenetError, UsageError, WeightsError
from senet.files import write_text
from senet.insertion import Place, blocks
from senet.insertion.attach import attach
from senet.insertion.hosts import Around
from senet.sources.fill import own_names, put
from senet.sources.models import build, checked, is_foreign
from senet.sources.record import Group, Record, grouped, places, read_record, record_text
from senet.weights import write_state
from senet.weights.digest import sha256
from senet.weights.state import read

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
    path = Path(folder) / RECORD if Path(folder).is_dir() else Path(folder)
    record, weights = read_record(path), path.with_name(WEIGHTS)
    held = read(weights)
    if sha256(weights) != record.sha256:
        raise WeightsError(
            f"{WEIGHTS} is not the file that {RECORD} was written with", where=str(weights), do="fetch both again"
        )
    with torch.random.fork_rng():
        model = _original(record, path, factory)
        _attach_all(model, record, held.tensors, path)
    _take_dtypes(model, held.tensors)
    put(model, held.tensors, str(weights))
    return model


def _original(record: Record, path: Path, factory: Callable[[], nn.Module] | None) -> nn.Module:
    if factory is not None:
        return checked(record.source, factory)
    if is_foreign(record.source):
        raise UsageError(
            f"the record names code to import, {record.source}; nothing is imported from a file",
            where=str(path),
            do="pass that function yourself: rebuild(folder, factory=...)",
        )
    return build(record.source, record.classes)


def _attach_all(model: nn.Module, record: Record, tensors: Mapping[str, Tensor], path: Path) -> None:
    largest = sum(value.numel() for value in tensors.values())
    for group in record.blocks:
        for place in places(group):
            try:
                _attach(model, place, group, largest)
            except SenetError as error:
                raise WeightsError(error.what, where=f"{path}: {place.name}", do=error.do) from error


def _attach(model: nn.Module, place: Place, group: Group, largest: int) -> None:
    """Attach a block, if the record says what can be: it may come from anywhere."""
    modules = dict(model.named_modules())
    unknown = [name for name in _named(place) if name not in modules]
    if unknown:
        raise UsageError(f"{type(model).__name__} has no module {unknown[0]!r}")
    spec = parse(group.spec)
    if spec is None or min(_numbers(place)) < 1:
        raise UsageError(f"{spec} cannot be built for {', '.join(map(str, _numbers(place)))} channels and stride")
    if max(_numbers(place)) > largest or _size(spec, place) > largest:  # before memory is taken for it
        raise UsageError(f"{spec} for {place.channels} channels is larger than all of the weights")
    attach(model, place, spec, group.init)


def _named(place: Place) -> list[str]:
    inner = place.anchor.inner if isinstance(place.anchor, Around) else ()
    return [place.name, *inner, *([place.kernel.module] if place.kernel else [])]


def _numbers(place: Place) -> list[int]:
    return [place.channels, *([place.kernel.in_channels, place.kernel.stride] if place.kernel else [])]


def _size(spec: AttentionSpec, place: Place) -> int:
    with torch.device("meta"):
        if spec.slot == "gate":
            block = spec(place.channels)
        elif place.kernel is None:
            return 0
        else:
            block = spec(place.kernel.in_channels, place.channels, stride=place.kernel.stride)
    return sum(p.numel() for p in block.parameters())


def _take_dtypes(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give every tensor of a model the dtype that it was saved in, which need not be the one it is built in."""
    for read_as, (_, value) in own_names(model).items():
        if value.is_floating_point() and read_as in tensors and tensors[read_as].is_floating_point():
            value.data = value.data.to(tensors[read_as].dtype)
