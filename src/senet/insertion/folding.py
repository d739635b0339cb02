"""standardise(): fold the factor of a preserving gate into the layers around it, which leaves a plain block."""

import copy
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from senet.attention import UnitGate
from senet.attention.smoke_test import equal_to_rounding, is_senet_block, small_map
from senet.errors import UsageError
from senet.insertion.attach import set_init
from senet.insertion.blocks.inserted import InsertedBlock, blocks
from senet.insertion.insert import deepcopy_model
from senet.insertion.places.anchors import After

# Layers whose output grows with their weight and bias, by their forward: a subclass with one of its own may do more.
SCALABLE_LAYERS = {
    kind.forward
    for kind in (
        *(nn.BatchNorm2d, nn.SyncBatchNorm, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm),
        *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear),
    )
}
KEEP = "keep the model as it is"


def unit_gates(model: nn.Module, inserted: InsertedBlock) -> list[UnitGate]:
    """Return the gates of a block that have a factor."""
    return [module for module in model.get_submodule(inserted.name).modules() if isinstance(module, UnitGate)]


def require_foldable(model: nn.Module, inserted: InsertedBlock) -> None:
    """Check that a block and the layer that it follows can take the factor, and that nothing else would get it.

    Raises:
        UsageError: They cannot; says why.
    """
    for reason, do in chain(_of_the_block(model, inserted), _of_the_layer(model, inserted), _shared(model, inserted)):
        what = f"{inserted.spec} cannot be folded into its plain form: {reason}"
        raise UsageError(what, where=inserted.name, do=do)


def _of_the_block(model: nn.Module, inserted: InsertedBlock) -> Iterator[tuple[str, str]]:
    block: Any = model.get_submodule(inserted.name)
    kind = type(block).__name__
    if not hasattr(block, "rescale_input"):
        reason = f"{kind} has no rescale_input()"
        yield reason, KEEP if is_senet_block(block) else f"{KEEP}, or give {kind} a rescale_input(factor)"
    elif unit_gates(model, inserted) != [block.gate]:
        yield "it has gates within gates", KEEP
    elif block.gate.shift != 0:
        do = f'{KEEP}, or insert it with gate="sigmoid"' if hasattr(inserted.spec, "gate") else KEEP
        yield "its gate is raised, not scaled (tanh)", do


def _of_the_layer(model: nn.Module, inserted: InsertedBlock) -> Iterator[tuple[str, str]]:
    host = model.get_submodule(inserted.place.name)
    known = vars(host).get("forward", type(host).forward) in SCALABLE_LAYERS
    if not isinstance(inserted.place.anchor, After) or not known or host._parameters.get("weight") is None:
        reason = "it does not follow a layer whose scale could take the factor (a norm with weights, a convolution)"
        yield reason, f'{KEEP}, or insert it right behind such a layer, as where="standard" does in a plain ResNet'


def _shared(model: nn.Module, inserted: InsertedBlock) -> Iterator[tuple[str, str]]:
    """Find what folding would scale under two names: twice, or where nothing takes the factor back."""
    others = [
        name
        for name, block in blocks(model).items()
        if block.place.anchor == inserted.place.anchor and name != inserted.name
    ]
    if others:
        yield f"{inserted.place.name} would be scaled for {' and '.join(others)} too", KEEP
    names, tensors = defaultdict(list), dict(_tensors(model))
    for name, value in tensors.items():
        names[id(value)].append(name)
    for name in _scaled(model, inserted):
        others = [other for other in names[id(tensors[name])] if other != name]
        if others:
            reason = f"{name} is {' and '.join(others)} too, which would be scaled as well"
            yield reason, f"{KEEP}, or let each have a copy of its own"


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _scaled(model: nn.Module, inserted: InsertedBlock) -> list[str]:
    """Return the names of the tensors that folding scales; of the block's, as a copy of it does."""
    block: Any = model.get_submodule(inserted.name)
    tried = copy.deepcopy(block)
    with torch.no_grad():
        tried.rescale_input(block.gate.scale)
    before = dict(_tensors(block))
    changed = [name for name, value in _tensors(tried) if not torch.equal(value, before[name])]
    host = model.get_submodule(inserted.place.name)
    own = [name for name in ("weight", "bias") if host._parameters.get(name) is not None]
    return [*(f"{inserted.place.name}.{name}" for name in own), *(f"{inserted.name}.{name}" for name in changed)]


def standardise(model: nn.Module) -> nn.Module:
    """Return a copy in which every ``init="preserve"`` block has become the block that the paper prints.

    A preserving sigmoid gate is y * 2 sigma(z), z a function of squeeze(y). With the scale and shift of the layer
    that makes y doubled and the squeeze weights halved it is y' sigma(z): the same function to rounding, in
    training and evaluation, and an ordinary SE network. A block takes part if it has ``rescale_input``. Blocks that
    start as the identity without a factor, such as GC, are plain already.

    Args:
        model: With blocks inserted by ``init="preserve"``; others are left alone.

    Raises:
        UsageError: There are none, or one cannot be folded, for instance since its layer shares a weight with another;
            names it and says why.
    """
    new = deepcopy_model(model)
    preserved = [block for block in blocks(new).values() if block.init == "preserve"]
    if not preserved:
        raise UsageError('no block of this model was inserted with init="preserve"', do="there is nothing to fold")
    scaled = [block for block in preserved if unit_gates(new, block)]
    for block in scaled:
        require_foldable(new, block)
    for block in scaled:
        _fold(new, block)
    for block in preserved:
        set_init(new, block, "paper")
    return new


@torch.no_grad()
def _fold(model: nn.Module, inserted: InsertedBlock) -> None:
    host: Any = model.get_submodule(inserted.place.name)
    block: Any = model.get_submodule(inserted.name)
    scale, x = block.gate.scale, small_map(block, inserted.place.channels)
    before = copy.deepcopy(block).eval()(x)
    host.weight.mul_(scale)
    if host._parameters.get("bias") is not None:
        host.bias.mul_(scale)
    block.rescale_input(scale)
    block.gate = block.gate.gate
    if not equal_to_rounding(copy.deepcopy(block).eval()(x * scale), before):
        what = (
            f"{inserted.spec} cannot be folded into its plain form: its rescale_input() does not keep what it computes"
        )
        raise UsageError(what, where=inserted.name, do="keep the model as it is, or fix the block")
