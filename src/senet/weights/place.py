"""Put translated tensors into a network: all of them, or an error that says which do not fit."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from senet.errors import WeightsError
from senet.networks import Network
from senet.networks.head import classifier
from senet.weights.dialect import Translated

COUNTER = "num_batches_tracked"  # no weight: files from before torch 0.4.1 and Caffe's have none
SHOWN = 5


@dataclass(frozen=True)
class Placement:
    """What goes where.

    Args:
        tensors: By our name, in the shapes of the network.
        converted: Our names of the weights that were 1x1 convolutions and became linear, or the reverse.
        skipped: The source's names of what is left out, because the network has a new head or none.
    """

    tensors: dict[str, Tensor]
    converted: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Misfit:
    """What does not fit: our names, and the source's where only it has the tensor."""

    missing: list[str]
    unexpected: list[str]
    misshaped: list[str]


def arrange(model: Network, translated: Translated, new_head: bool, where: str) -> Placement:
    """Find every tensor's place.

    Args:
        model: Takes the tensors; not changed.
        translated: The tensors.
        new_head: Leave the model's classifier as it is. A model without one leaves the source's out in any case.
        where: The file, for messages.

    Raises:
        WeightsError: Some tensor is missing, unexpected or of another shape.
    """
    head = classifier(model)
    wanted = {name: value for name, value in model.state_dict().items() if not name.endswith(COUNTER)}
    offered = {name: value for name, value in translated.tensors.items() if not name.endswith(COUNTER)}
    skipped: list[str] = []
    if new_head or model.num_classes == 0:
        skipped = [translated.origin[name] for name in offered if name.startswith(head)]
        wanted = {name: value for name, value in wanted.items() if not name.startswith(head)}
        offered = {name: value for name, value in offered.items() if not name.startswith(head)}
    shaped = {name: as_shaped(offered[name], wanted[name]) for name in wanted if name in offered}
    misfit = Misfit(
        missing=[name for name in wanted if name not in offered],
        unexpected=[name for name in offered if name not in wanted],
        misshaped=[name for name, value in shaped.items() if value is None],
    )
    if misfit.missing or misfit.unexpected or misfit.misshaped:
        raise _error(misfit, wanted, translated, head, where)
    tensors = {name: value for name, value in shaped.items() if value is not None}
    converted = tuple(name for name, value in tensors.items() if value.ndim != offered[name].ndim)
    return Placement(tensors, converted, tuple(skipped))


def as_shaped(value: Tensor, like: Tensor) -> Tensor | None:
    """Return a value in another's shape, if they differ at most as linear and 1x1-convolution weights do."""
    if value.shape == like.shape:
        return value
    narrow, wide = sorted((value.shape, like.shape), key=len)
    if len(narrow) == 2 and wide == (*narrow, 1, 1):
        return value.reshape(like.shape)
    return None


def _error(misfit: Misfit, wanted: dict[str, Tensor], translated: Translated, head: str, where: str) -> WeightsError:
    only_head = all(name.startswith(head) for name in misfit.missing + misfit.unexpected + misfit.misshaped)
    kinds = {"missing": misfit.missing, "unexpected": misfit.unexpected, "mis-shaped": misfit.misshaped}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    lines = [f"the weights do not fit: {counts} of {len(wanted)} tensors"]
    lines += _listed(
        "missing", (_missing(n, wanted, misfit, translated) for n in misfit.missing[:SHOWN]), misfit.missing
    )
    lines += _listed(
        "unexpected", (_unexpected(n, wanted, misfit, translated) for n in misfit.unexpected[:SHOWN]), misfit.unexpected
    )
    lines += _listed(
        "mis-shaped", (_misshaped(n, wanted, translated) for n in misfit.misshaped[:SHOWN]), misfit.misshaped
    )
    return WeightsError("\n".join(lines), where=where, do=_remedy(misfit, only_head))


def _listed(kind: str, shown: Iterable[str], names: list[str]) -> list[str]:
    more = [f"  ... and {len(names) - SHOWN} more {kind}"] if len(names) > SHOWN else []
    return [f"  {kind}: {line}" for line in shown] + more


def _missing(name: str, wanted: dict[str, Tensor], misfit: Misfit, translated: Translated) -> str:
    near = difflib.get_close_matches(name, misfit.unexpected, n=1, cutoff=0.5)
    hint = f"; nearest in the file: {translated.origin[near[0]]}" if near else ""
    return f"{name} {tuple(wanted[name].shape)}{hint}"


def _unexpected(name: str, wanted: dict[str, Tensor], misfit: Misfit, translated: Translated) -> str:
    near = difflib.get_close_matches(name, misfit.missing, n=1, cutoff=0.5)
    hint = f"; nearest in the network: {near[0]}" if near else ""
    return f"{translated.origin[name]} {tuple(translated.tensors[name].shape)}{hint}"


def _misshaped(name: str, wanted: dict[str, Tensor], translated: Translated) -> str:
    found = f"{translated.origin[name]} {tuple(translated.tensors[name].shape)}"
    return f"{name} {tuple(wanted[name].shape)}; in the file: {found}"


def _remedy(misfit: Misfit, only_head: bool) -> str:
    if only_head and not misfit.unexpected:
        return 'pass head="new" to keep the initial weights of a new classifier'
    if misfit.misshaped and all(".attention." in name for name in misfit.misshaped) and not misfit.missing:
        return "the gates have other widths: attention=SE.timm() builds those of timm's own SE-ResNets"
    return "build the network that the weights are of"
