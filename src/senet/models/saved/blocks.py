"""Blocks that a record lists, onto a model: nothing that it names is imported or run, and memory is bounded first."""

import contextlib
from dataclasses import replace

import torch
from torch import nn

from senet.attention import AttentionSpec, parse
from senet.attention.notation import warn_code_changed
from senet.errors import SenetError, UsageError, WeightsError
from senet.insertion import Place, blocks
from senet.insertion.attach import attach
from senet.insertion.places.anchors import Around, owner_of
from senet.models.saved.block_records import BlockGroup, place_of
from senet.models.saved.record import ModelRecord
from senet.utils.modules import within
from senet.weights.files.read import LoadedStateDict
from senet.weights.match import own_names, renamed_as_read
from senet.weights.prefixes import strip_prefixes_for


def attach_recorded(model: nn.Module, record: ModelRecord, state: LoadedStateDict) -> None:
    """Hang blocks on a model, in place; those that it has already, since its function inserts them, stay.

    Args:
        model: As its source makes it.
        record: Says what was inserted, and into what.
        state: All weights, those of the blocks included; a block that is larger is refused.

    Raises:
        WeightsError: A block that cannot be.
    """
    largest = sum(value.numel() for value in state.tensors.values())
    there = [(replace(block.place, owner=""), str(block.spec)) for block in blocks(model).values()]
    for group in record.blocks:
        if group.code is not None:
            _warn_code_changed(group)
        for recorded in group.places:
            place = place_of(group, recorded)
            if (replace(place, owner=""), group.spec) in there:
                continue
            try:
                _attach(model, place if recorded.owner is not None else _owned(model, place), group, largest)
            except SenetError as error:
                do = error.do or f"they were inserted into {record.source}: --network {record.source}"
                raise WeightsError(error.what, where=f"{state.where}: record: {place.name}", do=do) from error


def cast_to_saved_dtypes(model: nn.Module, state: LoadedStateDict) -> None:
    """Give every tensor of a model the dtype that it was saved in, which need not be the one it is built in."""
    tensors = renamed_as_read(model, strip_prefixes_for(model, state).tensors)
    for read_as, (_, value) in own_names(model).items():
        saved = tensors.get(read_as)
        if saved is not None and value.is_floating_point() and saved.is_floating_point():
            value.data = value.data.to(saved.dtype)


def _attach(model: nn.Module, place: Place, group: BlockGroup, largest: int) -> None:
    """Attach a block, if the record says what can be: it may come from anywhere."""
    _require_modules(model, place)
    outside = [name for name in _named(place) if place.owner and not within(name, (place.owner,))]
    if outside:
        raise UsageError(f"{outside[0]} is not inside {place.owner}, which holds its block")
    spec = parse(group.spec, imports=False)
    if spec is None or min(_numbers(place)) < 1:
        raise UsageError(f"{spec} cannot be built for {', '.join(map(str, _numbers(place)))} channels and stride")
    if max(_numbers(place)) > largest or _size(spec, place) > largest:  # before memory is taken for it
        raise UsageError(f"{spec} for {place.channels} channels is larger than all of the weights")
    attach(model, place, spec, group.init)


def _owned(model: nn.Module, place: Place) -> Place:
    """Return a place of a record that does not say who holds the block: in version 0.1 it was the module itself."""
    _require_modules(model, place)
    return replace(place, owner=owner_of(model, place.anchor, place.kernel.module if place.kernel else None))


def _require_modules(model: nn.Module, place: Place) -> None:
    modules = dict(model.named_modules())
    unknown = [name for name in _named(place) if name not in modules]
    if unknown:
        raise UsageError(f"{type(model).__name__} has no module {unknown[0]!r}")


def _warn_code_changed(group: BlockGroup) -> None:
    with contextlib.suppress(SenetError):  # building it says what is wrong
        warn_code_changed(parse(group.spec, imports=False), group.code)


def _named(place: Place) -> list[str]:
    inner = place.anchor.inner if isinstance(place.anchor, Around) else ()
    return [place.name, place.owner, *inner, *([place.kernel.module] if place.kernel else [])]


def _numbers(place: Place) -> list[int]:
    return [place.channels, *([place.kernel.in_channels, place.kernel.stride] if place.kernel else [])]


def _size(spec: AttentionSpec, place: Place) -> int:
    with torch.device("meta"):
        block = place.build(spec)
    return sum(p.numel() for p in block.parameters())
