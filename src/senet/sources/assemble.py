"""A model out of a record and tensors, whoever wrote them: nothing that they name is imported or run."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from senet.attention import AttentionSpec, parse
from senet.errors import SenetError, UsageError, WeightsError
from senet.insertion import Place
from senet.insertion.attach import attach
from senet.insertion.hosts import Around
from senet.sources.fill import own_names, put
from senet.sources.models import build, checked, is_foreign
from senet.sources.record import Group, Record, places
from senet.weights.state import Held


def original(record: Record, held: Held, where: str, factory: Callable[[], nn.Module] | None) -> nn.Module:
    """Build the model that a record names, as it was before blocks were inserted, with random weights.

    Args:
        record: Names the source.
        held: The weights that are to go into it.
        where: The record's file, for messages.
        factory: Makes the model; needed where the source is a function to import.

    Raises:
        UsageError: The factory is missing or fails, or the source's library does.
        WeightsError: The record has other classes than the weights.
    """
    if factory is not None:
        return checked(record.source, factory)
    if is_foreign(record.source):
        raise UsageError(
            f"the record names code to import, {record.source}; nothing is imported from a file",
            where=where,
            do="pass that function yourself: factory=..., on the command line --factory MODULE.PATH:FUNCTION",
        )
    rows = {value.shape[0] for value in held.tensors.values() if value.ndim}
    if record.classes is not None and record.classes not in rows:  # before memory is taken for them
        raise WeightsError(f"the record has {record.classes} classes, and no tensor so many rows", where=where)
    return build(record.source, record.classes)


def assemble(model: nn.Module, groups: Iterable[Group], held: Held, where: str) -> nn.Module:
    """Insert blocks into a model and give it its weights, in place; dtypes become those of the weights.

    Args:
        model: As it was before the insertion.
        groups: What was inserted.
        held: All weights, those of the blocks included.
        where: The record's file, for messages.

    Raises:
        WeightsError: A block that cannot be, or tensors that do not fit.
    """
    _attach_all(model, groups, held.tensors, where)
    _take_dtypes(model, held.tensors)
    put(model, held.tensors, held.where)
    return model


def _attach_all(model: nn.Module, groups: Iterable[Group], tensors: Mapping[str, Tensor], where: str) -> None:
    largest = sum(value.numel() for value in tensors.values())
    for group in groups:
        for place in places(group):
            try:
                _attach(model, place, group, largest)
            except SenetError as error:
                raise WeightsError(error.what, where=f"{where}: {place.name}", do=error.do) from error


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
