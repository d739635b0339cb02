"""Build blocks, let a model hold them, and take them off again."""

from dataclasses import replace
from itertools import count
from typing import Any, cast

import torch
from torch import nn

from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.insertion.finding.hosts import After
from senet.insertion.finding.place import Place
from senet.insertion.preserve import preserve
from senet.insertion.running.inserted import RECORDS, Inserted, blocks, owners, records
from senet.insertion.running.owner import hold, let_go


def attach(model: nn.Module, place: Place, spec: AttentionSpec, init: str) -> Inserted:
    """Build a block for a place and put it there, in place; draws from torch's global generator.

    Raises:
        UsageError: The spec does not fit the place, or cannot be initialised so.
    """
    inserted = _numbered(model, place, spec, init)
    block = _built(inserted) if spec.slot == "gate" else _around_convolution(inserted)
    host, owner = model.get_submodule(place.name), model.get_submodule(place.owner)
    like = next((p for p in (*host.parameters(), *model.parameters()) if p.is_floating_point()), torch.empty(0))
    hold(owner, inserted, block.to(device=like.device, dtype=like.dtype).train(host.training))
    return inserted


def _built(inserted: Inserted) -> nn.Module:
    block = inserted.place.build(inserted.spec)
    return preserve(block, inserted.spec, inserted.place.channels) if inserted.init == "preserve" else block


def _numbered(model: nn.Module, place: Place, spec: AttentionSpec, init: str) -> Inserted:
    """Say which block at its module this one is; names that the module or its owner has of its own are left out."""
    host, owner = model.get_submodule(place.name), model.get_submodule(place.owner)
    there = {block.number for block in blocks(model).values() if block.place.name == place.name}
    numbered = (Inserted(place, spec, init, n) for n in count(1) if n not in there)
    return next(i for i in numbered if not hasattr(host, i.label) and not hasattr(owner, i.child))


def _around_convolution(inserted: Inserted) -> nn.Module:
    """Build a block around the convolution that stands at the place, which stays where it is."""
    place, spec = inserted.place, inserted.spec
    kernel = place.kernel
    if kernel is None or kernel.size != 3 or not kernel.rectified or not isinstance(place.anchor, After):
        raise UsageError(
            f"{spec} replaces a 3x3 convolution that a ReLU follows (after its norm); {place.name} is none",
            where=f"{place.kind} unit, {'no convolution' if kernel is None else f'kernel {kernel.size}'}",
            do="choose stages= (--stages) or a glob, where= (--where), of such convolutions, or another network",
        )
    block: Any = _built(inserted)
    block.set_submodule(block.surrounds, nn.Identity())  # the old one stands for it, with its norm and ReLU
    return cast(nn.Module, block)


def detach(model: nn.Module) -> list[Inserted]:
    """Take all inserted blocks off, in place, and return what they were."""
    found = list(blocks(model).values())
    for _, module in [*owners(model)]:
        let_go(module)
    return found


def relabel(model: nn.Module, inserted: Inserted, init: str) -> None:
    """Note that a block is as if it had been initialised otherwise."""
    owner = model.get_submodule(inserted.place.owner)
    held = records(owner)
    vars(owner)[RECORDS] = tuple(replace(r, init=init) if r.child == inserted.child else r for r in held)
