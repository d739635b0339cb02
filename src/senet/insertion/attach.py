"""Build blocks, start them as the identity, let a model hold them, and take them off again."""

import copy
from dataclasses import replace
from itertools import count
from typing import Any, cast

import torch
from torch import nn

from senet.attention import AttentionSpec, is_attention
from senet.attention.contract import Effect
from senet.attention.smoke_test import is_senet_block, small_map
from senet.attention.trusted_code import source_hash
from senet.errors import UsageError
from senet.insertion.blocks.inserted import RECORDS_ATTRIBUTE, InsertedBlock, blocks, owners, records
from senet.insertion.blocks.owner import add_block, remove_blocks
from senet.insertion.places.anchors import After
from senet.insertion.places.place import Place


def attach(model: nn.Module, place: Place, spec: AttentionSpec, init: str) -> InsertedBlock:
    """Build a block for a place and put it there, in place; draws from torch's global generator.

    Raises:
        UsageError: The spec does not fit the place, or cannot be initialised so.
    """
    inserted = _next_at_module(model, place, spec, init)
    block = _built(inserted) if spec.slot == "gate" else _around_convolution(inserted)
    host, owner = model.get_submodule(place.name), model.get_submodule(place.owner)
    like = next((p for p in (*host.parameters(), *model.parameters()) if p.is_floating_point()), torch.empty(0))
    add_block(owner, inserted, block.to(device=like.device, dtype=like.dtype).train(host.training))
    return inserted


def _built(inserted: InsertedBlock) -> nn.Module:
    block = inserted.place.build(inserted.spec)
    return init_as_identity(block, inserted.spec, inserted.place.channels) if inserted.init == "preserve" else block


def _next_at_module(model: nn.Module, place: Place, spec: AttentionSpec, init: str) -> InsertedBlock:
    """Say which block at its module this one is; names that the module or its owner has of its own are left out."""
    host, owner = model.get_submodule(place.name), model.get_submodule(place.owner)
    there = {block.number for block in blocks(model).values() if block.place.name == place.name}
    numbered = (InsertedBlock(place, spec, init, n) for n in count(1) if n not in there)
    return next(i for i in numbered if not hasattr(host, i.label) and not hasattr(owner, i.child))


def _around_convolution(inserted: InsertedBlock) -> nn.Module:
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


def detach(model: nn.Module) -> list[InsertedBlock]:
    """Take all inserted blocks off, in place, and return what they were."""
    found = list(blocks(model).values())
    for _, module in [*owners(model)]:
        remove_blocks(module)
    return found


def set_init(model: nn.Module, inserted: InsertedBlock, init: str) -> None:
    """Note that a block is as if it had been initialised otherwise."""
    owner = model.get_submodule(inserted.place.owner)
    held = records(owner)
    vars(owner)[RECORDS_ATTRIBUTE] = tuple(replace(r, init=init) if r.child == inserted.child else r for r in held)


def init_as_identity(block: nn.Module, spec: object, channels: int) -> nn.Module:
    """Make a fresh block start as the identity, in place, as it says itself.

    Args:
        block: Fresh.
        spec: That built it.
        channels: Of its map.

    Raises:
        UsageError: It cannot, does not say how, or does it wrong.
    """
    start: Any = getattr(block, "start_as_identity", None)
    try:
        if start is None:
            raise UsageError(f"{type(block).__name__} has no start_as_identity()")
        start()
        _require_identity(block, channels)
    except UsageError as error:
        raise UsageError(
            f'{spec} cannot be inserted with init="preserve": {error.what}',
            do='insert it with --init paper (init="paper")',
        ) from error
    return block


def _require_identity(block: Any, channels: int) -> None:
    """Run a block of someone else's; the tests run ours."""
    x = small_map(block, channels)
    if is_senet_block(block) or block.effect is Effect.REPLACES or x.is_meta:
        return
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        changed = (copy.deepcopy(block).eval()(x) - x).abs().max()
    if changed > 0 or changed.isnan():
        raise UsageError(f"after its start_as_identity() a map is changed by {changed:.3g}")


def source_hashes(model: nn.Module) -> list[str]:
    """Return the SHA-256 of the files of all attention blocks, inserted or not, that are not senet's."""
    kinds = {type(module) for module in model.modules() if is_attention(module)}
    return sorted({code for kind in kinds if (code := source_hash(kind))})
