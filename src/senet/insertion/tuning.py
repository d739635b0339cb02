"""Fine-tuning a model after insertion: a learning rate of its own for the new blocks, and a trunk that waits."""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn

from senet.decay import decay_groups
from senet.errors import UsageError
from senet.insertion.attach import blocks

Norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def inserted_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of the inserted blocks by name, those shared with the trunk left out.

    Raises:
        UsageError: Nothing was inserted.
    """
    names = tuple(f"{name}." for name in blocks(model))
    if not names:
        raise UsageError("nothing was inserted into this model", do="insert() first")
    trunk = {id(p) for name, p in model.named_parameters(remove_duplicate=False) if not name.startswith(names)}
    return {name: p for name, p in model.named_parameters() if name.startswith(names) and id(p) not in trunk}


def parameter_groups(
    model: nn.Module, *, lr: float, inserted_lr: float, weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Partition the parameters for a ``torch.optim`` optimizer.

    Decay spares biases, norms and gates, in trunk and blocks alike (:func:`senet.decay.decay_groups`); the new branches
    of a selective kernel are convolutions and decay. Frozen parameters are in it too; optimizers skip what has no
    gradient.

    Args:
        model: With inserted blocks.
        lr: Of the trunk.
        inserted_lr: Of the inserted blocks; fresh gates bear ten times the trunk's rate.
        weight_decay: Of what decays.

    Returns:
        Groups with ``params``, ``lr`` and ``weight_decay``; none is empty.

    Raises:
        UsageError: Nothing was inserted.
    """
    new = inserted_parameters(model)
    decayed = set(decay_groups(model)[0])
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        decay = weight_decay if parameter in decayed else 0.0
        groups.setdefault((inserted_lr if name in new else lr, decay), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in groups.items()]


@contextlib.contextmanager
def frozen_trunk(model: nn.Module) -> Iterator[None]:
    """Train the inserted blocks alone for as long as the context lasts: the first epochs after insertion.

    The trunk's parameters ask for no gradient, and its batch norms keep their running statistics. Both are as
    before afterwards. Build the optimizer outside, over all parameters.

    Raises:
        UsageError: Nothing was inserted.
    """
    new = {id(parameter) for parameter in inserted_parameters(model).values()}
    waiting = [p for p in model.parameters() if id(p) not in new and p.requires_grad]
    inside = {id(m) for name in blocks(model) for m in model.get_submodule(name).modules()}
    norms = [(m, m.momentum) for m in model.modules() if isinstance(m, Norm) and id(m) not in inside]
    try:
        for parameter in waiting:
            parameter.requires_grad_(False)
        for norm, _ in norms:
            norm.momentum = 0.0
        yield
    finally:
        for parameter in waiting:
            parameter.requires_grad_(True)
        for norm, momentum in norms:
            norm.momentum = momentum
