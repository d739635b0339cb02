"""insert(), remove() and replace(): attention into a finished model, and out of it again."""

import copy
import logging
from collections.abc import Collection
from typing import Literal, get_args

import torch
from torch import nn

from senet.attention import AttentionSpec, parse, require_spec
from senet.errors import UsageError, did_you_mean
from senet.insertion.attach import attach, detach
from senet.insertion.blocks.inserted import blocks
from senet.insertion.example_input import Example
from senet.insertion.places.choose import choose_places, embedding_note
from senet.insertion.places.place import Place
from senet.insertion.places.survey import Survey, survey
from senet.insertion.verify import run_counts

logger = logging.getLogger("senet")
Init = Literal["paper", "preserve"]


def insert(
    model: nn.Module,
    spec: AttentionSpec | str,
    *,
    where: str = "standard",
    stages: int | Collection[int] | None = None,
    init: Init = "paper",
    example: Example = (1, 3, 224, 224),
    again: bool = False,
) -> nn.Module:
    """Return a copy of a model with attention in it; the model itself is untouched.

    The copy has all the old keys and adds only new ones, so weights of the original load into it with
    ``strict=False`` and its own with ``strict=True``. A module that holds blocks is of a subclass of its class, of the
    same name. State of the random generators, modes, buffers and ``requires_grad`` are as they were. The copy runs once
    on the example, to prove that each block does.

    Args:
        model: Any module.
        spec: ``SE(...)`` or any other spec, of senet or your own; or text that :func:`senet.parse` reads,
            ``"SE(reduction=8)"``, ``"mymodule:MyGate(k=3)"``.
        where: ``standard``, ``pre``, ``post`` or ``identity`` (figure 5 of arXiv 1709.01507v4), ``conv3x3`` (table
            14), or a glob over module names, after each of which a block goes: ``"layer[34].*.bn3"``.
        stages: As in the paper, 2 is the first residual stage; all if None.
        init: ``paper``: as trained from scratch. ``preserve``: the outputs are the original's, bit for bit, and
            training moves every gate from there.
        example: Shape of the model's input, the input, or a tuple or dict of its arguments.
        again: Whether a model that has attention already, inserted or of its own, is to get more.

    Raises:
        UsageError: No place is meant, one cannot carry a block, the spec does not fit or cannot preserve, or the
            model does not run on the example.
    """
    wanted = _read(spec)
    _check(wanted, init)
    found = survey(model, example)
    if not again:
        _refuse_second(model, found)
    chosen = choose_places(found, wanted, where, stages)
    if said := embedding_note(found, chosen):
        logger.warning("%s", said)
    new = deepcopy_model(model)
    _attach_all(new, chosen, wanted, init)
    _prove_run(new, example)
    return new


def remove(model: nn.Module) -> nn.Module:
    """Return a copy of a model without the attention that was inserted into it: the original, as it is trained now.

    Raises:
        UsageError: Nothing was inserted.
    """
    new = deepcopy_model(model)
    if not detach(new):
        raise UsageError("nothing was inserted into this model", do="attention of the model's own cannot be removed")
    return new


def replace(model: nn.Module, spec: AttentionSpec | str, *, init: Init = "paper") -> nn.Module:
    """Return a copy of a model with other blocks at the places of those that were inserted into it.

    Args:
        model: With inserted blocks.
        spec: As for :func:`insert`.
        init: As for :func:`insert`.

    Raises:
        UsageError: Nothing was inserted, or the spec does not fit the places.
    """
    wanted = _read(spec)
    _check(wanted, init)
    new = remove(model)
    _attach_all(new, [inserted.place for inserted in blocks(model).values()], wanted, init)
    return new


def _read(spec: AttentionSpec | str) -> AttentionSpec:
    """Read a spec that is text.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(spec, str):
        return spec
    read = parse(spec)
    if read is None:
        raise UsageError(
            f"attention {spec!r} names no block to insert",
            do='name a spec, for instance "SE(reduction=16)"; remove() takes out what was inserted',
        )
    return read


def _check(spec: AttentionSpec, init: str) -> None:
    require_spec(spec)
    if init not in get_args(Init):
        raise UsageError(
            f"init={init!r} is not one of {', '.join(get_args(Init))}", do=did_you_mean(init, get_args(Init))
        )


def _refuse_second(model: nn.Module, found: Survey) -> None:
    names = list(blocks(model)) or list(found.attention)
    if names:
        raise UsageError(
            f"{type(model).__name__} has attention already, in {len(names)} places",
            where=", ".join(names[:5]) + (" ..." if len(names) > 5 else ""),
            do="take it out first, remove() or replace(), or add more with again=True (--again)",
        )


def deepcopy_model(model: nn.Module) -> nn.Module:
    """Copy a model, or say why it cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception as error:  # a user's attribute may refuse with any error
        raise UsageError(
            f"{type(model).__name__} cannot be copied",
            where=f"{type(error).__name__}: {error}",
            do="detach tensors that the model keeps as attributes; insert before wrapping it in DDP or compiling it",
        ) from error


def _attach_all(model: nn.Module, chosen: list[Place], spec: AttentionSpec, init: str) -> None:
    with torch.random.fork_rng():
        for place in chosen:
            attach(model, place, spec, init)


def _prove_run(model: nn.Module, example: Example) -> None:
    """Run the model once; each block must run exactly once.

    Raises:
        UsageError: One did not.
    """
    runs = run_counts(model, example, blocks(model))
    wrong = {name: n for name, n in runs.items() if n != 1}
    if wrong:
        raise UsageError(
            f"{len(wrong)} of {len(runs)} inserted blocks did not run exactly once",
            where=", ".join(f"{name}: {n} times" for name, n in [*wrong.items()][:5]),
            do="a module there runs its children by itself, or not at all; name others by a glob, where= (--where)",
        )
