"""Fine-tuning a model after insertion: a learning rate of its own for the new blocks, and a trunk that waits."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from senet.errors import UsageError, did_you_mean
from senet.insertion.blocks.inserted import blocks
from senet.utils.modules import has_running_stats, within
from senet.utils.one_or_many import as_tuple
from senet.weight_decay import decay_groups

INSERTED_LR_FACTOR = 10.0  # fresh gates bear so many times the rate that suits trained weights
Groups = list[dict[str, Any]]


def inserted_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of the inserted blocks by name, those shared with the trunk left out.

    Raises:
        UsageError: Nothing was inserted.
    """
    names = blocks(model).keys()
    if not names:
        raise UsageError("nothing was inserted into this model", do="insert() first")
    trunk = {id(p) for name, p in model.named_parameters(remove_duplicate=False) if not within(name, names)}
    return {name: p for name, p in model.named_parameters() if within(name, names) and id(p) not in trunk}


def fresh_parameters(model: nn.Module, fresh: str | Collection[str] = ()) -> dict[str, nn.Parameter]:
    """Return by name the parameters without trained weights: those of inserted blocks, if any, and what is named.

    Args:
        model: With or without inserted blocks.
        fresh: Names of parameters, or of modules that hold them.

    Raises:
        UsageError: No parameter is at a name; the nearest one is given.
    """
    fresh = as_tuple("fresh", fresh, str)
    named = dict(model.named_parameters(remove_duplicate=False))
    for path in fresh:
        if not any(within(name, (path,)) for name in named):
            raise UsageError(
                f"fresh: no parameter is at {path!r}", do=did_you_mean(path, _paths(named, path.count(".")))
            )
    inserted = inserted_parameters(model) if blocks(model) else {}
    return inserted | {name: parameter for name, parameter in named.items() if within(name, fresh)}


def _paths(names: Collection[str], dots: int) -> set[str]:
    """Return what begins a name and has no more dots than that: a whole network's names would fill the screen."""
    parts = [name.split(".") for name in names]
    return {".".join(part[: depth + 1]) for part in parts for depth in range(dots + 1)}


def parameter_groups(
    model: nn.Module, *, lr: float, inserted_lr: float | None = None, weight_decay: float = 0.0
) -> Groups:
    """Partition the parameters for a ``torch.optim`` optimizer.

    Decay spares biases, norms and gates, in trunk and blocks alike (:func:`senet.weight_decay.decay_groups`); the new
    branches of a selective kernel are convolutions and decay. Frozen parameters are in it too; optimizers skip what
    has no gradient.

    Args:
        model: With inserted blocks.
        lr: Of the trunk.
        inserted_lr: Of the inserted blocks; ten times ``lr`` if None, which fresh gates bear.
        weight_decay: Of what decays.

    Returns:
        Groups with ``params``, ``lr`` and ``weight_decay``; none is empty.

    Raises:
        UsageError: Nothing was inserted.
    """
    inserted_parameters(model)
    return group_by_lr(
        model, decay_groups(model), (lr, INSERTED_LR_FACTOR * lr if inserted_lr is None else inserted_lr), weight_decay
    )


def group_by_lr(
    model: nn.Module, partition: Sequence[list[nn.Parameter]], rates: tuple[float, float], weight_decay: float
) -> Groups:
    """Divide what decays and what does not by learning rate; parameters of one group keep their order.

    Args:
        model: With or without inserted blocks.
        partition: Its parameters: those that decay, and the others.
        rates: Of the trunk and of the inserted blocks.
        weight_decay: Of what decays.

    Returns:
        Groups with ``params``, ``lr`` and ``weight_decay``, first those that decay; none is empty.
    """
    new = set(fresh_parameters(model).values())
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for decays, parameters in zip((True, False), partition, strict=True):
        for parameter in parameters:
            groups.setdefault((decays, rates[parameter in new]), []).append(parameter)
    return [
        {"params": found, "lr": rate, "weight_decay": weight_decay if decays else 0.0}
        for (decays, rate), found in groups.items()
    ]


@contextlib.contextmanager
def frozen_trunk(model: nn.Module, fresh: Collection[str] = ()) -> Iterator[None]:
    """Train what is fresh alone for as long as the context lasts: the first epochs after insertion.

    The trunk's parameters ask for no gradient. Its norms compute as in any training, but keep their running statistics
    and how many batches those are of. All is as before afterwards. Build the optimizer outside, over all parameters.

    Args:
        model: Changed in place.
        fresh: What trains beside the inserted blocks, such as a new classifier: names of parameters, or of modules
            that hold them.

    Raises:
        UsageError: Nothing was inserted and nothing is named, or no parameter is at a name.
    """
    found = fresh_parameters(model, fresh) or inserted_parameters(model)
    new = {id(parameter) for parameter in found.values()}
    waiting = [p for p in model.parameters() if id(p) not in new and p.requires_grad]
    with contextlib.ExitStack() as stack:
        for parameter in waiting:
            stack.callback(parameter.requires_grad_, True)
            parameter.requires_grad_(False)
            parameter.grad = None  # an optimizer's step must not move it either
        for norm in _norms_outside(model, (*blocks(model), *fresh)):
            stack.enter_context(_frozen_statistics(norm))
        yield


def _norms_outside(model: nn.Module, paths: Collection[str]) -> Iterator[Any]:
    for name, module in model.named_modules():
        if has_running_stats(module) and not within(name, paths):
            yield module


@contextlib.contextmanager
def _frozen_statistics(norm: Any) -> Iterator[None]:
    """Let the running statistics of a norm be what they are.

    At momentum 0 a batch norm's stay; it counts batches all the same, and its mean over all of them would be another.
    Those of an instance norm are averaged over the images, which rounds.
    """
    kept = {name: value.clone() for name, value in norm.named_buffers(recurse=False) if _moves(norm, name)}
    momentum, norm.momentum = norm.momentum, 0.0
    hook = norm.register_forward_hook(partial(_put_back, kept))
    try:
        yield
    finally:
        hook.remove()
        norm.momentum = momentum


def _moves(norm: nn.Module, name: str) -> bool:
    """Whether a buffer moves at momentum 0; a batch norm's mean is part of its graph, and must not be touched."""
    return name == "num_batches_tracked" or isinstance(norm, nn.modules.instancenorm._InstanceNorm)


def _put_back(kept: Mapping[str, Tensor], norm: nn.Module, args: Any, output: Any) -> None:
    if norm.training:
        for name, value in kept.items():
            norm.get_buffer(name).copy_(value)
