"""standardise(): fold the factor of a preserving gate into the layers around it, which leaves a plain block."""

import copy
from typing import Any

import torch
from torch import nn

from senet.attention.smoke_test import agree, small_map
from senet.errors import UsageError
from senet.insertion.attach import relabel
from senet.insertion.foldable import gates, require_foldable
from senet.insertion.insert import copied
from senet.insertion.running.inserted import Inserted, blocks


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
    new = copied(model)
    preserved = [block for block in blocks(new).values() if block.init == "preserve"]
    if not preserved:
        raise UsageError('no block of this model was inserted with init="preserve"', do="there is nothing to fold")
    scaled = [block for block in preserved if gates(new, block)]
    for block in scaled:
        require_foldable(new, block)
    for block in scaled:
        _fold(new, block)
    for block in preserved:
        relabel(new, block, "paper")
    return new


@torch.no_grad()
def _fold(model: nn.Module, inserted: Inserted) -> None:
    host: Any = model.get_submodule(inserted.place.name)
    block: Any = model.get_submodule(inserted.name)
    scale, x = block.gate.scale, small_map(block, inserted.place.channels)
    before = copy.deepcopy(block).eval()(x)
    host.weight.mul_(scale)
    if host._parameters.get("bias") is not None:
        host.bias.mul_(scale)
    block.rescale_input(scale)
    block.gate = block.gate.gate
    if not agree(copy.deepcopy(block).eval()(x * scale), before):
        what = (
            f"{inserted.spec} cannot be folded into its plain form: its rescale_input() does not keep what it computes"
        )
        raise UsageError(what, where=inserted.name, do="keep the model as it is, or mend the block")
