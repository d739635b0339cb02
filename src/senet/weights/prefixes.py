"""The names of a file and those of a model: what wrappers, trainers, averages and profilers added comes off.

Only where the model has no such names itself: what fits it decides.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from torch import Tensor, nn

from senet.errors import UsageError, WeightsError
from senet.networks import Network
from senet.weights.files.checkpoint import COUNTS
from senet.weights.files.read import Held, without_prefixes
from senet.weights.match import own_names
from senet.weights.source_of import recognise

# In one state dict: prefixes of the average (ema-pytorch, modules that hold one) and of what it is the average of.
AVERAGED = ("ema_model.module.", "ema_model.", "ema.module.", "model_ema.module.", "model_ema.", "ema.", "averaged.")
PROFILED = ("total_ops", "total_params")  # thop's, in every module
LEVELS = 3  # model.net.backbone.


def for_model(model: nn.Module, held: Held) -> Held:
    """Return weights by the names that a model has, as far as prefixes tell.

    Args:
        model: Anybody's.
        held: As they were read.

    Raises:
        WeightsError: Two prefixes fit alike.
    """
    return ours(held) if isinstance(model, Network) else _fitted(held, own_names(model))


def ours(held: Held) -> Held:
    """Return weights by names that some source of ours has, as far as prefixes tell; else as they are."""
    held = _parted(_unprofiled(held, ()), ())
    for _ in range(LEVELS):
        if _known(held):
            return held
        prefix = next((start for start in _starts(held.tensors) if _reaches(held, start)), None)
        if prefix is None:
            break
        held = _off(held, prefix)
    return held


def _known(held: Held) -> bool:
    try:
        recognise(held)
    except UsageError:
        return True  # it is the caller's mistake, and will be said
    except WeightsError as error:
        return "no source that we know" not in error.what and "the names are not of" not in error.what
    return True


def _reaches(held: Held, prefix: str) -> bool:
    """Whether names are known without a prefix, or without another after it."""
    for _ in range(LEVELS):
        held = _off(held, prefix)
        if _known(held):
            return True
        starts = [start for start, count in _starts(held.tensors).items() if 2 * count > len(held.tensors)]
        if not starts:
            return False
        prefix = starts[0]
    return False


def _fitted(held: Held, own: Collection[str]) -> Held:
    held = _parted(_unprofiled(held, own), own)
    for _ in range(LEVELS):
        fits = {start: _overlap(held.tensors, start, own) for start in ("", *_starts(held.tensors))}
        best = max(fits.values())
        if fits[""] == best:
            break
        prefixes = [start for start, count in fits.items() if count == best]
        if len(prefixes) > 1:
            what = f"the names fit with {' or '.join(prefixes)} taken off"
            raise WeightsError(what, where=held.where, do="save the state dict of the one that is meant")
        held = _off(held, prefixes[0])
    return held


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


def _off(held: Held, prefix: str) -> Held:
    """Take a prefix off; what does not have it is no weight of the model."""
    inside = {name.removeprefix(prefix): value for name, value in held.tensors.items() if name.startswith(prefix)}
    beside = tuple(name for name in held.tensors if not name.startswith(prefix))
    said = held.contents
    said = replace(said, prefix=said.prefix + prefix, unused=said.unused + beside)
    return replace(held, tensors=inside, contents=said)


def _unprofiled(held: Held, own: Collection[str]) -> Held:
    """Leave out what profilers count and averages count, where the model does not have it."""
    counts = [name for name in held.tensors if name.rpartition(".")[2] in PROFILED and name not in own]
    averages = [name for name in held.tensors if name in COUNTS and name not in own]
    rest = [name for name in held.tensors if name not in COUNTS]
    if averages and rest and all(name.startswith("module.") for name in rest):
        counts += averages
    if not counts:
        return held
    tensors = {name: value for name, value in held.tensors.items() if name not in set(counts)}
    said = replace(held.contents, unused=held.contents.unused + tuple(counts))
    return replace(held, tensors=without_prefixes(tensors), contents=said)


def _parted(held: Held, own: Collection[str]) -> Held:
    """Part an average and what it is of, where one state dict has both and the model does not."""
    for prefix in AVERAGED:
        average = {name.removeprefix(prefix): v for name, v in held.tensors.items() if name.startswith(prefix)}
        rest = {name: value for name, value in held.tensors.items() if not name.startswith(prefix)}
        if not average or any(name.startswith(prefix) for name in own):
            continue
        base = next((start for start in _starts(rest) if _under(rest, start).keys() == average.keys()), None)
        if base is not None:
            unused = tuple(name for name in rest if not name.startswith(base))
            said = replace(held.contents, averaged=prefix, raw=base, unused=held.contents.unused + unused)
            said = replace(said, taken=base if held.raw else prefix)
            return replace(held, tensors=_under(rest, base) if held.raw else average, contents=said)
    return held


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
