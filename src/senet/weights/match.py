"""The one matcher: every tensor of a state dict finds its place in a model, or an error says which do not fit."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from senet.attention.state_dict_hooks import AcceptNames
from senet.utils.modules import within
from senet.weights.files.read import without_prefixes
from senet.weights.mismatch import Mismatch, Tensors, mismatch_error

COUNTER = "num_batches_tracked"  # no weight: files from before torch 0.4.1 and Caffe's have none


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
        raise mismatch_error(mismatch, model, where)
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
