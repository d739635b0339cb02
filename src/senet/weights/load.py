"""load_weights(): other people's weights, and our own, into a network of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal

import torch
from torch import Tensor

from senet.errors import UsageError, nearest
from senet.networks import Network
from senet.weights.card import described
from senet.weights.dialect import Dialect
from senet.weights.fitting import require_fit
from senet.weights.place import COUNTER, arrange
from senet.weights.recognise import Source, recognise
from senet.weights.state import Held, read

Head = Literal["same", "new"]
HEADS: dict[str, bool] = {"same": False, "new": True}


@dataclass(frozen=True)
class Loaded:
    """What loading did.

    Args:
        placed: Our names of the tensors that were set.
        converted: Those of them that were 1x1-convolution weights and became linear, or the reverse.
        skipped: The source's names of what was left out for ``head="new"``, or since the network has no classifier.
        source: Whose weights they are.
        about: What travels with them: the input transform, the order of the classes, or all that our own file says.
    """

    placed: tuple[str, ...]
    converted: tuple[str, ...]
    skipped: tuple[str, ...]
    source: Source
    about: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{len(self.placed)} tensors of {self.source} loaded"]
        if self.converted:
            parts.append(f"{len(self.converted)} between 1x1 convolution and linear")
        if self.skipped:
            parts.append(f"left out: {', '.join(self.skipped)}")
        return "; ".join(parts)


def load_weights(
    model: Network,
    weights: str | PathLike[str] | Mapping[str, Any],
    *,
    source: Source | None = None,
    head: Head = "same",
) -> Loaded:
    """Set all weights of a network, or none and say why.

    Values take the dtype and device of the network. Counters of batches (``num_batches_tracked``) may be missing.

    Args:
        model: Made by :func:`senet.create`; on the meta device it receives copies of the tensors themselves.
        weights: A file (``.safetensors``, ``.pth``, ``.pt``, ``.bin``, ``.caffemodel``), a folder of the hub's,
            ``hub:ORG/NAME@REVISION`` or a state dict. Files of torch.save's are read without running code.
        source: Whose names they have; None recognises it.
        head: ``new`` keeps the initial weights of the network's classifier, for another number of classes.

    Returns:
        What was placed, converted and skipped.

    Raises:
        UsageError: No such source or head; a network that ``create()`` did not make.
        WeightsError: A file that cannot be read or trusted, names that are nobody's, tensors that are missing, left
            over, of another shape or not finite, weights of another geometry or gate than the network's. The
            network keeps what it had.
    """
    if head not in HEADS:
        raise UsageError(f"no head is called {head!r}", do=nearest(head, HEADS))
    held = read(weights)
    found, dialect = recognise(held, source)
    return install(model, held, found, dialect, new_head=HEADS[head])


def install(model: Network, held: Held, source: Source, dialect: Dialect, *, new_head: bool = False) -> Loaded:
    """Translate and place weights that have been read and recognised."""
    require_fit(model, dialect, held)
    translated = dialect.translate(held, model.name)
    placement = arrange(model, translated, new_head, held.where)
    dialect.check(placement.tensors, held.where)
    counters = {name: value for name, value in translated.tensors.items() if name.endswith(COUNTER)}
    _set(model, placement.tensors | counters)
    about = {**(held.about or dialect.about), **described(held.card)}
    about |= {"origin": held.origin} if held.origin else {}
    return Loaded(tuple(placement.tensors), placement.converted, placement.skipped, source, about)


def _set(model: Network, tensors: dict[str, Tensor]) -> None:
    state = model.state_dict()
    known = {name: value for name, value in tensors.items() if name in state}
    meta = any(value.is_meta for value in state.values())
    if meta:
        blank = {name: torch.zeros((), dtype=torch.long) for name in state if name.endswith(COUNTER)}
        known = blank | {name: value.to(state[name].dtype, copy=True) for name, value in known.items()}
    model.load_state_dict(known, strict=False, assign=meta)
