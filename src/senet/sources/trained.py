"""What a file of trained weights says of its model, and the model that such a file alone makes again."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

import senet
from senet.errors import UsageError, WeightsError
from senet.insertion import blocks
from senet.networks import PUBLISHED, Network
from senet.sources.assemble import assemble, original
from senet.sources.fill import fill
from senet.sources.models import architecture, build
from senet.sources.record import Record, grouped, parse_record, record_text
from senet.sources.saved import RECORD, WEIGHTS, open_saved
from senet.weights.fitting import network_for
from senet.weights.pretrained import fitted
from senet.weights.recognise import OURS
from senet.weights.save import describe as describe_network
from senet.weights.state import Held, read

SLACK = 4  # a network that is somewhat too large is built, so that what does not fit can be listed
Factory = Callable[[], nn.Module]


@dataclass(frozen=True)
class Opened:
    """A model with its weights.

    Args:
        model: In evaluation mode.
        about: What the file says beside: ``classes``, ``input_transform``, ``epoch``, as far as it does.
        where: The file, for messages.
    """

    model: nn.Module
    about: dict[str, Any]
    where: str


def describe(model: nn.Module, source: str, classes: int | None) -> dict[str, Any]:
    """Return what has to travel with a model's weights so that :func:`open_trained` builds it again, JSON-ready.

    Args:
        model: Trained or not; blocks that :func:`senet.insertion.insert` put in are found.
        source: That it was built from, as :func:`~senet.sources.build` takes it; not read for a network of ours.
        classes: As ``build`` was given them.

    Raises:
        UsageError: A block whose spec text cannot name.
    """
    groups = grouped(blocks(model).values())
    record = Record(senet=senet.__version__, source=source, classes=classes, sha256="", blocks=groups)
    if not isinstance(model, Network) or model.spec is None:
        return {"record": record_text(record)}
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    about = {**describe_network(model), "in_channels": first.in_channels}
    return {**about, "record": record_text(record)} if groups else about


def open_trained(path: str | PathLike[str], *, factory: Factory | None = None) -> Opened:
    """Build the model of a file of weights and fill it; dtypes are those that were saved.

    Nothing that the file names is imported or run. torch's global generator is left as it was.

    Args:
        path: Weights that training, a study, ``save_weights`` or ``senet weights convert`` wrote; or a folder of
            ``senet insert``, its ``model.toml`` or its weights.
        factory: Makes the model, without inserted blocks; needed where its source is a function of a module.

    Raises:
        UsageError: The factory is missing or fails, or the source's library does.
        WeightsError: The file is missing or damaged, does not say what builds the model, or does not fit it.
    """
    path = Path(path)
    if any(beside.is_file() for beside in _records(path)):
        model, held = open_saved(path.with_name(RECORD) if path.name == WEIGHTS else path, factory)
    else:
        held = read(path)
        with torch.random.fork_rng(devices=[]):
            model = _model(held, factory)
    return Opened(model.eval(), dict(held.about), held.where)


def open_as(path: str | PathLike[str], network: str, classes: int | None = None) -> Opened:
    """Open weights that do not say what they are of.

    Args:
        path: As :func:`senet.load_weights` takes it.
        network: A name of ours, in whose geometry and with how many classes the weights tell; or a source as
            :func:`~senet.sources.build` takes it. A ``MODULE.PATH:NAME`` is imported.
        classes: Of such a source; its own number if None.

    Raises:
        UsageError: No such network.
        WeightsError: The weights do not fit.
    """
    if ":" not in network:
        model, loaded = fitted(network, path)
        return Opened(model.eval(), dict(loaded.about), str(path))
    other = build(network, classes)
    fill(other, path, architecture=architecture(network))
    return Opened(other.eval(), {}, str(path))


def _records(path: Path) -> list[Path]:
    """Return where the record of an insertion may lie."""
    if path.name == RECORD:
        return [path]
    return [path / RECORD, *([path.with_name(RECORD)] if path.name == WEIGHTS else [])]


def _model(held: Held, factory: Factory | None) -> nn.Module:
    said = held.about.get("record")
    if said == RECORD:
        raise WeightsError(f"the {RECORD} that belongs to these weights is not beside them", where=held.where)
    if said is not None and not isinstance(said, str):
        raise WeightsError("its record of the model is not text", where=held.where)
    record = None if said is None else parse_record(said, f"{held.where}: record")
    if "network" in held.about:
        model: nn.Module = _ours(held)
    elif record is not None:
        model = original(record, held, f"{held.where}: record", factory)
    else:
        raise WeightsError(
            "the file does not say which model its weights are of: it has neither a network nor a record",
            where=held.where,
            do="name it (--network NAME; senet weights inspect shows what the file holds), or convert the file once",
        )
    return assemble(model, record.blocks if record else (), held, f"{held.where}: record")


def _ours(held: Held) -> Network:
    """Build a network of ours; a file that says larger sizes than it holds takes no memory for them."""
    name = held.about["network"]
    if not isinstance(name, str):
        raise WeightsError(f"its metadata names a network {name!r:.100}", where=held.where)
    try:
        with torch.device("meta"):
            sketch = network_for(name, held, OURS, PUBLISHED)
        needed = sum(value.numel() for value in sketch.parameters())
        there = sum(value.numel() for value in held.tensors.values())
        if needed > SLACK * there:
            raise WeightsError(
                f"{name} as the metadata describes it has {needed:,} parameters, the file {there:,}",
                where=held.where,
                do="fetch the file again",
            )
        return network_for(name, held, OURS, PUBLISHED)
    except UsageError as error:
        raise WeightsError(error.what, where=held.where, do=error.do) from error
