"""standardise(): fold the factor of a preserving gate into the layers around it, which leaves a plain block."""

import copy
import dataclasses
from typing import Any

import torch
from torch import nn

from senet.attention import UnitGate
from senet.attention.smoke_test import agree, small_map
from senet.errors import UsageError
from senet.insertion.attach import blocks, hooks_of
from senet.insertion.hooks import Inserted
from senet.insertion.hosts import After
from senet.insertion.insert import copied

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)
# Layers whose output grows with their weight and bias.
SCALABLE = (*NORMS, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def standardise(model: nn.Module) -> nn.Module:
    """Return a copy in which every ``init="preserve"`` block has become the block that the paper prints.

    A preserving sigmoid gate is y * 2 sigma(z), z a function of squeeze(y). With the scale and shift of the layer
    that makes y doubled and the squeeze weights halved it is y' sigma(z): the same function to rounding, in
    training and evaluation, and an ordinary SE network. A block takes part if it has ``rescale_input``. Blocks that
    start as the identity without a factor, such as GC, are plain already.

    Args:
        model: With blocks inserted by ``init="preserve"``; others are left alone.

    Raises:
        UsageError: There are none, or one cannot be folded; names it and says why.
    """
    new = copied(model)
    preserved = [block for block in blocks(new).values() if block.init == "preserve"]
    if not preserved:
        raise UsageError('no block of this model was inserted with init="preserve"', do="there is nothing to fold")
    scaled = [block for block in preserved if _gates(new, block)]
    for block in scaled:
        _check(new, block)
    for block in scaled:
        _fold(new, block)
    for block in preserved:
        for hook in hooks_of(new, block):
            hook.inserted = dataclasses.replace(block, init="paper")
    return new


def _gates(model: nn.Module, inserted: Inserted) -> list[UnitGate]:
    return [module for module in model.get_submodule(inserted.name).modules() if isinstance(module, UnitGate)]


def _check(model: nn.Module, inserted: Inserted) -> None:
    host, block = model.get_submodule(inserted.place.name), model.get_submodule(inserted.name)
    reasons = {
        "it does not follow a layer whose scale could take the factor (a norm with weights, a convolution)": (
            isinstance(inserted.place.anchor, After) and isinstance(host, SCALABLE) and host.weight is not None
        ),
        f"{type(block).__name__} does not say how it takes a map that is scaled: it has no rescale_input()": hasattr(
            block, "rescale_input"
        ),
        "it has gates within gates": _gates(model, inserted) == [getattr(block, "gate", None)],
        "its gate is raised, not scaled (tanh)": all(gate.shift == 0 for gate in _gates(model, inserted)),
    }
    wrong = [reason for reason, holds in reasons.items() if not holds]
    if wrong:
        raise UsageError(
            f"{inserted.spec} cannot be folded into its plain form: {wrong[0]}",
            where=inserted.name,
            do='keep the model as it is, or insert at where="standard" with a sigmoid gate',
        )


@torch.no_grad()
def _fold(model: nn.Module, inserted: Inserted) -> None:
    host: Any = model.get_submodule(inserted.place.name)
    block: Any = model.get_submodule(inserted.name)
    scale, x = block.gate.scale, small_map(block, inserted.place.channels)
    before = copy.deepcopy(block).eval()(x)
    host.weight.mul_(scale)
    if host.bias is not None:
        host.bias.mul_(scale)
    block.rescale_input(scale)
    block.gate = block.gate.gate
    if not agree(copy.deepcopy(block).eval()(x * scale), before):
        what = (
            f"{inserted.spec} cannot be folded into its plain form: its rescale_input() does not keep what it computes"
        )
        raise UsageError(what, where=inserted.name, do="keep the model as it is, or mend the block")
