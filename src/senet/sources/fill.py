"""Weights into a model: every tensor of it, or an error that lists what does not fit and a model as it was."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from torch import Tensor, nn

from senet.errors import WeightsError
from senet.networks import Network
from senet.weights import load_weights
from senet.weights.place import COUNTER
from senet.weights.state import read, without_prefixes

SHOWN = 5
Tensors = Mapping[str, Tensor]


def fill(model: nn.Module, weights: str | PathLike[str] | Mapping[str, Any], *, architecture: str = "") -> int:
    """Set all weights of a model from a checkpoint of it, and return how many tensors were set.

    Values take the dtype and device of the model. A network of ours takes what
    :func:`~senet.weights.load_weights` does, with its checks.

    Args:
        model: Any module.
        weights: A file (``.safetensors``, ``.pth``, ``.pt``, ``.bin``), ``hub:ORG/NAME@REVISION`` or a state dict.
            Files of torch.save's are read without running code.
        architecture: What its library calls the model. Weights that come with a card of another are refused: a
            ``resnetblur50`` has the tensors of a ``resnet50``.

    Raises:
        WeightsError: They cannot be read or trusted, or a tensor is missing, left over or of another shape.
    """
    if isinstance(model, Network) and model.spec is not None:
        return len(load_weights(model, weights).placed)
    held = read(weights)
    said = held.card.get("architecture", architecture)
    if architecture and said != architecture:
        raise WeightsError(f"the weights are of {said}, not of {architecture}", where=held.where)
    put(model, held.tensors, held.where)
    return sum(not name.endswith(COUNTER) for name in held.tensors)


def put(model: nn.Module, tensors: Tensors, where: str) -> None:
    """Load tensors strictly; counters of batches alone may be missing, as in files from before torch 0.4.1.

    Args:
        model: Takes their values.
        tensors: By the model's names, without the prefixes of wrappers.
        where: The file, for messages.

    Raises:
        WeightsError: A tensor is missing, left over or of another shape.
    """
    own = own_names(model)
    wanted = {name: value for name, (_, value) in own.items()}
    misfit = compare(wanted, tensors)
    if misfit.names:
        raise _error(misfit, wanted, tensors, where)
    model.load_state_dict({own[name][0]: value for name, value in tensors.items()}, strict=False)


def own_names(model: nn.Module) -> dict[str, tuple[str, Tensor]]:
    """Return the model's names and tensors, by these names as they are read from a file."""
    state = {name: value for name, value in model.state_dict(keep_vars=True).items() if isinstance(value, Tensor)}
    return dict(zip(without_prefixes(state), state.items(), strict=True))


@dataclass(frozen=True)
class Misfit:
    """Names of tensors that are not where they should be."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.missing + self.unexpected + self.misshaped


def compare(wanted: Tensors, offered: Tensors) -> Misfit:
    """Compare names and shapes."""
    return Misfit(
        missing=tuple(n for n in wanted if n not in offered and not n.endswith(COUNTER)),
        unexpected=tuple(n for n in offered if n not in wanted),
        misshaped=tuple(n for n, value in wanted.items() if n in offered and value.shape != offered[n].shape),
    )


def _error(misfit: Misfit, wanted: Tensors, offered: Tensors, where: str) -> WeightsError:
    kinds = {"missing": misfit.missing, "unexpected": misfit.unexpected, "mis-shaped": misfit.misshaped}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    lines = [f"the weights do not fit: {counts} of {len(wanted)} tensors"]
    lines += _listed("missing", misfit.missing, wanted, misfit.unexpected)
    lines += _listed("unexpected", misfit.unexpected, offered, ())
    lines += [
        f"  mis-shaped: {name} {tuple(wanted[name].shape)}; in the file {tuple(offered[name].shape)}"
        for name in misfit.misshaped[:SHOWN]
    ]
    lines += _more("mis-shaped", misfit.misshaped)
    return WeightsError("\n".join(lines), where=where, do=_remedy(misfit, wanted, offered))


def _listed(kind: str, names: Sequence[str], tensors: Tensors, others: Sequence[str]) -> list[str]:
    lines = []
    for name in names[:SHOWN]:
        near = difflib.get_close_matches(name, others, n=1, cutoff=0.8)
        hint = f"; nearest in the file: {near[0]}" if near else ""
        lines.append(f"  {kind}: {name} {tuple(tensors[name].shape)}{hint}")
    return lines + _more(kind, names)


def _more(kind: str, names: Sequence[str]) -> list[str]:
    return [f"  ... and {len(names) - SHOWN} more {kind}"] if len(names) > SHOWN else []


def _remedy(misfit: Misfit, wanted: Tensors, offered: Tensors) -> str:
    rows = {offered[name].shape[:1] for name in misfit.misshaped}
    inner = any(wanted[name].shape[1:] != offered[name].shape[1:] for name in misfit.misshaped)
    if misfit.names == misfit.misshaped and len(rows) == 1 and not inner and len(misfit.misshaped) <= 4:
        return f"if these are the classifier, build the model with {rows.pop()[0]} classes (--classes)"
    return "build the model that the weights are of"
