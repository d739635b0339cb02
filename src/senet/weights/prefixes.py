"""The names of a file and those of a model: what wrappers, trainers, averages and profilers added comes off.

Only where the model has no such names itself: what fits it decides.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from torch import Tensor, nn

from senet.errors import UsageError, WeightsError
from senet.networks import Network
from senet.weights.detect_source import detect_source
from senet.weights.files.checkpoint import COUNTS
from senet.weights.files.read import LoadedStateDict, without_prefixes
from senet.weights.match import own_names

# In one state dict: prefixes of the average (ema-pytorch, modules that hold one) and of what it is the average of.
AVERAGED = ("ema_model.module.", "ema_model.", "ema.module.", "model_ema.module.", "model_ema.", "ema.", "averaged.")
PROFILED = ("total_ops", "total_params")  # thop's, in every module
LEVELS = 3  # model.net.backbone.


def strip_prefixes_for(model: nn.Module, state: LoadedStateDict) -> LoadedStateDict:
    """Return weights by the names that a model has, as far as prefixes tell.

    Args:
        model: Anybody's.
        state: As they were read.

    Raises:
        WeightsError: Two prefixes fit alike.
    """
    return strip_prefixes(state) if isinstance(model, Network) else _fitted(state, own_names(model))


def strip_prefixes(state: LoadedStateDict) -> LoadedStateDict:
    """Return weights by names that some source of ours has, as far as prefixes tell; else as they are."""
    state = _parted(_unprofiled(state, ()), ())
    for _ in range(LEVELS):
        if _known(state):
            return state
        prefix = next((start for start in _starts(state.tensors) if _reaches(state, start)), None)
        if prefix is None:
            break
        state = _off(state, prefix)
    return state


def _known(state: LoadedStateDict) -> bool:
    try:
        detect_source(state)
    except UsageError:
        return True  # it is the caller's mistake, and will be said
    except WeightsError as error:
        return "no source that we know" not in error.what and "the names are not of" not in error.what
    return True


def _reaches(state: LoadedStateDict, prefix: str) -> bool:
    """Whether names are known without a prefix, or without another after it."""
    for _ in range(LEVELS):
        state = _off(state, prefix)
        if _known(state):
            return True
        starts = [start for start, count in _starts(state.tensors).items() if 2 * count > len(state.tensors)]
        if not starts:
            return False
        prefix = starts[0]
    return False


def _fitted(state: LoadedStateDict, own: Collection[str]) -> LoadedStateDict:
    state = _parted(_unprofiled(state, own), own)
    for _ in range(LEVELS):
        fits = {start: _overlap(state.tensors, start, own) for start in ("", *_starts(state.tensors))}
        best = max(fits.values())
        if fits[""] == best:
            break
        prefixes = [start for start, count in fits.items() if count == best]
        if len(prefixes) > 1:
            what = f"the names fit with {' or '.join(prefixes)} taken off"
            raise WeightsError(what, where=state.where, do="save the state dict of the one that is meant")
        state = _off(state, prefixes[0])
    return state


def _overlap(tensors: Mapping[str, Tensor], prefix: str, own: Collection[str]) -> int:
    """Count the names that are the model's without a prefix; none where most are not, or it is longer by itself."""
    names = [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
    found = sum(name in own for name in names)
    deeper = [start for start in _starts(names) if start] if prefix and not found else []
    if deeper and len(deeper) == 1:  # model.net.conv1.weight
        return _overlap({name: tensors[prefix + name] for name in names}, deeper[0], own)
    return found if not prefix or 2 * found >= len(names) else 0


def _starts(names: Collection[str]) -> Counter[str]:
    return Counter(f"{name.partition('.')[0]}." for name in names if "." in name)


def _off(state: LoadedStateDict, prefix: str) -> LoadedStateDict:
    """Take a prefix off; what does not have it is no weight of the model."""
    inside = {name.removeprefix(prefix): value for name, value in state.tensors.items() if name.startswith(prefix)}
    beside = tuple(name for name in state.tensors if not name.startswith(prefix))
    said = state.contents
    said = replace(said, prefix=said.prefix + prefix, unused=said.unused + beside)
    return replace(state, tensors=inside, contents=said)


def _unprofiled(state: LoadedStateDict, own: Collection[str]) -> LoadedStateDict:
    """Leave out what profilers count and averages count, where the model does not have it."""
    counts = [name for name in state.tensors if name.rpartition(".")[2] in PROFILED and name not in own]
    averages = [name for name in state.tensors if name in COUNTS and name not in own]
    rest = [name for name in state.tensors if name not in COUNTS]
    if averages and rest and all(name.startswith("module.") for name in rest):
        counts += averages
    if not counts:
        return state
    tensors = {name: value for name, value in state.tensors.items() if name not in set(counts)}
    said = replace(state.contents, unused=state.contents.unused + tuple(counts))
    return replace(state, tensors=without_prefixes(tensors), contents=said)


def _parted(state: LoadedStateDict, own: Collection[str]) -> LoadedStateDict:
    """Part an average and what it is of, where one state dict has both and the model does not."""
    for prefix in AVERAGED:
        average = {name.removeprefix(prefix): v for name, v in state.tensors.items() if name.startswith(prefix)}
        rest = {name: value for name, value in state.tensors.items() if not name.startswith(prefix)}
        if not average or any(name.startswith(prefix) for name in own):
            continue
        base = next((start for start in _starts(rest) if _under(rest, start).keys() == average.keys()), None)
        if base is not None:
            unused = tuple(name for name in rest if not name.startswith(base))
            said = replace(state.contents, averaged=prefix, raw=base, unused=state.contents.unused + unused)
            said = replace(said, taken=base if state.raw else prefix)
            return replace(state, tensors=_under(rest, base) if state.raw else average, contents=said)
    return state


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
