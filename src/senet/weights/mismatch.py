"""What of a state dict does not fit a model, as an error says it: the nearest partner of each, and what to do."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from senet.attention import is_attention
from senet.errors import WeightsError
from senet.networks import NETWORKS, Network
from senet.utils.modules import within

SHOWN = 5


Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Mismatch:
    """What does not fit.

    Args:
        wanted: By the model's names.
        offered: By the model's names, as far as they are known.
        origin: The source's name of each.
        missing: Names of the model's that nobody offers.
        unexpected: Names that the model lacks.
        misshaped: Names of another shape.
    """

    wanted: Tensors
    offered: Tensors
    origin: Mapping[str, str]
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    misshaped: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """All of them."""
        return self.missing + self.unexpected + self.misshaped


def mismatch_error(mismatch: Mismatch, model: nn.Module, where: str) -> WeightsError:
    """Return the error that lists what does not fit, a few of each kind, and says what to do."""
    kinds = {"missing": mismatch.missing, "unexpected": mismatch.unexpected, "mis-shaped": mismatch.misshaped}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    lines = [f"the weights do not fit: {counts} of {len(mismatch.wanted)} tensors"]
    says = {"missing": _missing, "unexpected": _unexpected, "mis-shaped": _misshaped}
    for kind, names in kinds.items():
        lines += [f"  {kind}: {says[kind](name, mismatch)}" for name in names[:SHOWN]]
        lines += [f"  ... and {len(names) - SHOWN} more {kind}"] if len(names) > SHOWN else []
    return WeightsError("\n".join(lines), where=where, do=_remedy(mismatch, model))


def _missing(name: str, mismatch: Mismatch) -> str:
    near = difflib.get_close_matches(name, mismatch.unexpected, n=1, cutoff=0.5)
    hint = f"; nearest in the file: {mismatch.origin[near[0]]}" if near else ""
    return f"{name} {tuple(mismatch.wanted[name].shape)}{hint}"


def _unexpected(name: str, mismatch: Mismatch) -> str:
    near = difflib.get_close_matches(name, mismatch.missing, n=1, cutoff=0.5)
    hint = f"; nearest in the network: {near[0]}" if near else ""
    return f"{mismatch.origin[name]} {tuple(mismatch.offered[name].shape)}{hint}"


def _misshaped(name: str, mismatch: Mismatch) -> str:
    found = f"{mismatch.origin[name]} {tuple(mismatch.offered[name].shape)}"
    return f"{name} {tuple(mismatch.wanted[name].shape)}; in the file: {found}"


def _remedy(mismatch: Mismatch, model: nn.Module) -> str:
    gates = gate_modules(model)
    if mismatch.names == mismatch.misshaped and _is_classifier(mismatch):
        rows, layer = mismatch.offered[mismatch.misshaped[0]].shape[0], mismatch.misshaped[0].rpartition(".")[0]
        argument = 'head="new"' if isinstance(model, Network) else f'fresh=["{layer}"]'
        return (
            f"to train with other classes than these {rows}, senet train --head new ({argument}) keeps a fresh "
            f"classifier; else make the model with {rows} (network=FUNCTION: let the function make {rows})"
        )
    if mismatch.names == mismatch.missing and all(within(name, gates) for name in mismatch.names):
        return (
            f"the weights are of the network without attention: --network {_without_attention(model)}; senet train "
            'with --attention SPEC, or senet insert, puts it in; in Python gates="new" keeps fresh gates'
        )
    if mismatch.misshaped and not mismatch.missing and all(within(name, gates) for name in mismatch.misshaped):
        return (
            'the gates have other widths: --attention "SE.timm()" (attention=SE.timm()) has those of timm\'s SE-ResNets'
        )
    if mismatch.names == mismatch.unexpected and any(".attention" in name for name in mismatch.names):
        return "the weights have attention that the network lacks: leave --attention out to take it as it is"
    return "name the network that the weights are of (--network); senet weights inspect shows what the file holds"


def _without_attention(model: nn.Module) -> str:
    """Name the row that is the same but for attention."""
    spec: Any = model.spec if isinstance(model, Network) else None
    plain = None if spec is None else replace(spec, attention=None)
    return next((name for name, row in NETWORKS.items() if row == plain), "NAME")


def _is_classifier(mismatch: Mismatch) -> bool:
    """Whether the tensors of another shape are what one layer's rows decide."""
    rows = {mismatch.offered[name].shape[:1] for name in mismatch.misshaped}
    inner = any(mismatch.wanted[name].shape[1:] != mismatch.offered[name].shape[1:] for name in mismatch.misshaped)
    layers = {name.rpartition(".")[0] for name in mismatch.misshaped}
    return len(rows) == 1 and () not in rows and not inner and len(layers) <= 2


def gate_modules(model: nn.Module) -> tuple[str, ...]:
    """Return the paths of all attention blocks."""
    return tuple(name for name, module in model.named_modules() if is_attention(module))
