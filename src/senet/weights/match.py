"""The one matcher: every tensor of a state dict finds its place in a model, or an error says which do not fit."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from senet.attention import is_attention
from senet.attention.state_dict_hooks import AcceptNames
from senet.errors import WeightsError
from senet.networks import NETWORKS, Network
from senet.utils.modules import within
from senet.weights.files.read import without_prefixes

COUNTER = "num_batches_tracked"  # no weight: files from before torch 0.4.1 and Caffe's have none
SHOWN = 5
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class MatchResult:
    """What goes where.

    Args:
        tensors: By the model's names, in its shapes.
        converted: Names of the weights that were 1x1 convolutions and became linear, or the reverse.
        skipped: The source's names of what is left out.
        fresh: Names of what the model keeps.
    """

    tensors: dict[str, Tensor]
    converted: tuple[str, ...]
    skipped: tuple[str, ...]
    fresh: tuple[str, ...]


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


def match(
    model: nn.Module, offered: Tensors, where: str, keep: Collection[str] = (), origin: Mapping[str, str] = {}
) -> MatchResult:
    """Find every tensor's place.

    Args:
        model: Takes the tensors; not changed.
        offered: By the model's names.
        where: The file, for messages.
        keep: Paths of the modules that stay as they are: what the weights have of them is left out.
        origin: The source's names, where they are others.

    Raises:
        WeightsError: Some tensor is missing, unexpected or of another shape; lists them, with the nearest partner.
    """
    own, read = own_names(model), read_names(model, offered)
    origin = {new: origin.get(old, old) for new, old in read.items()}
    offered = {new: offered[old] for new, old in read.items()}
    wanted = {name: value for name, (_, value) in own.items() if _is_taken(name, keep)}
    taken = {name: value for name, value in offered.items() if _is_taken(name, keep)}
    shaped = {name: reshape_like(taken[name], wanted[name]) for name in wanted if name in taken}
    mismatch = Mismatch(
        wanted,
        taken,
        origin,
        missing=[name for name in wanted if name not in taken],
        unexpected=[name for name in taken if name not in wanted],
        misshaped=[name for name, value in shaped.items() if value is None],
    )
    if mismatch.names:
        raise _error(mismatch, model, where)
    fitting = {name: value for name, value in shaped.items() if value is not None}
    counters = {name: value for name, value in offered.items() if name.endswith(COUNTER) and name in own}
    return MatchResult(
        tensors={own[name][0]: value for name, value in {**fitting, **counters}.items()},
        converted=tuple(name for name, value in fitting.items() if value.ndim != taken[name].ndim),
        skipped=tuple(mismatch.origin[name] for name in offered if within(name, keep)),
        fresh=tuple(name for name in own if within(name, keep) and not name.endswith(COUNTER)),
    )


def _is_taken(name: str, keep: Collection[str]) -> bool:
    """Whether a tensor has to come from the weights."""
    return not name.endswith(COUNTER) and not within(name, keep)


def own_names(model: nn.Module) -> dict[str, tuple[str, Tensor]]:
    """Return the model's names and tensors, by these names as they are read from a file."""
    state = {name: value for name, value in model.state_dict(keep_vars=True).items() if isinstance(value, Tensor)}
    return dict(zip(without_prefixes(state), state.items(), strict=True))


def read_names(model: nn.Module, offered: Collection[str]) -> dict[str, str]:
    """Return names as a model reads them, and what they are in a file: its modules may accept others' and former ones.

    What :func:`senet.attention.state_dict_hooks.accept_names` lets ``load_state_dict()`` read is read from files too.
    """
    accepted = dict(_accepted(model))

    def read(name: str) -> str:
        start = next((start for start in accepted if name.startswith(start)), None)
        return name if start is None else accepted[start] + name[len(start) :]

    return {read(name): name for name in offered}


def _accepted(model: nn.Module) -> Iterator[tuple[str, str]]:
    for path, module in model.named_modules():
        for hook in module._load_state_dict_pre_hooks.values():
            accepts = getattr(hook, "hook", hook)
            if isinstance(accepts, AcceptNames):
                for theirs, ours in accepts.names.items():
                    yield f"{path}.{theirs}".lstrip("."), f"{path}.{ours}".lstrip(".")


def renamed_as_read(model: nn.Module, offered: Tensors) -> dict[str, Tensor]:
    """Return tensors by the names that a model reads them by."""
    return {new: offered[old] for new, old in read_names(model, offered).items()}


def reshape_like(value: Tensor, like: Tensor) -> Tensor | None:
    """Return a value in another's shape, if they differ at most as linear and 1x1-convolution weights do."""
    if value.shape == like.shape:
        return value
    narrow, wide = sorted((value.shape, like.shape), key=len)
    if len(narrow) == 2 and wide == (*narrow, 1, 1):
        return value.reshape(like.shape)
    return None


def _error(mismatch: Mismatch, model: nn.Module, where: str) -> WeightsError:
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
