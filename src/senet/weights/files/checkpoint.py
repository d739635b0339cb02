"""Which tensors of a checkpoint are its weights: training scripts wrap them, average them, and keep much beside."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from senet.errors import WeightsError
from senet.weights.files.contents import SHOWN, CheckpointContents, class_note, key_name, passed_over
from senet.weights.files.pickled.modules import is_module_stub, module_state_dict
from senet.weights.files.pickled.stubs import foreign_name

# What training scripts call them, the most particular first.
AVERAGES = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "ema_model_state_dict", "ema_model"),
    *("ema", "params_ema", "net_ema", "averaged_model", "swa_state_dict", "swa_model", "shadow"),
)
WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "net_state_dict", "network", "params"),
    *("weights", "module", "backbone"),
)
# Lightning's WeightAveraging writes the average under the usual name, and the raw weights under this one.
SWAPPED = {"current_model_state": "state_dict"}
COUNTS = ("n_averaged", "initted", "step", "num_updates", "decay")  # that averages keep beside their tensors
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
SLACK = 2**20  # bytes that an expanded tensor may be larger than what it repeats


FoundStateDict = tuple[dict[str, Tensor], CheckpointContents]


def find_state_dict(loaded: object, where: str, raw: bool = False) -> FoundStateDict:
    """Find the state dict that is meant: the average, where there is one, or the raw weights.

    Args:
        loaded: What a file holds, or what a caller has.
        where: The file, for messages.
        raw: Take the raw weights where there is an average of them, too.

    Raises:
        WeightsError: There is none, or several and nothing says which; it holds other things than tensors.
    """
    if is_module_stub(loaded):
        return module_state_dict(loaded, where), CheckpointContents(whole=foreign_name(loaded))
    if not isinstance(loaded, Mapping) or not loaded:
        kind = "empty" if isinstance(loaded, Mapping) else f"a {foreign_name(loaded) or type(loaded).__name__}"
        raise WeightsError(f"not a state dict: it is {kind}", where=where, do="pass names and tensors")
    entries = mapping_items(loaded)
    states = {key: value for key, value in entries.items() if isinstance(key, str) and _holds_weights(key, value)}
    if not states or all(isinstance(value, Tensor) for value in entries.values()):
        return _tensors(entries, where), CheckpointContents()
    average, base = _pair(states)
    chosen = (base if raw else average) or average or base or _only(states, where)
    found, whole = _read(states[chosen], where)
    contents = CheckpointContents(chosen, whole=whole, passed=tuple(passed_over(entries, chosen, (average, base))))
    if average and base:
        contents = replace(contents, averaged=average, raw=base)
    counts = tuple((key, len(_read(value, where)[0])) for key, value in states.items())
    contents = replace(contents, states=counts)
    if average and base and chosen == average:
        return _completed(found, _read(states[base], where)[0], contents)
    return found, contents


def mapping_items(value: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the entries of a mapping; of a dict from a file by dict's own method, which the file cannot hide."""
    return dict(dict.items(value)) if isinstance(value, dict) else dict(value.items())


def _holds_weights(key: str, value: object) -> bool:
    """Whether something is a state dict, or is called like one and holds tensors or objects."""
    if is_module_stub(value):
        return True
    if not isinstance(value, Mapping):
        return False
    values = [one for name, one in mapping_items(value).items() if not _is_extra(name)]
    tensors = sum(isinstance(one, Tensor) for one in values)
    return bool(values) and (tensors == len(values) or (key in (*AVERAGES, *WRAPPERS)))


def _is_extra(name: object) -> bool:
    return isinstance(name, str) and name.endswith("_extra_state")


def _pair(states: Mapping[str, object]) -> tuple[str, str]:
    """Return the keys of the average and of the raw weights; empty where there are none."""
    swapped = next((raw for raw, average in SWAPPED.items() if raw in states and average in states), "")
    if swapped:
        return SWAPPED[swapped], swapped
    return next((k for k in AVERAGES if k in states), ""), next((k for k in WRAPPERS if k in states), "")


def _only(states: Mapping[str, object], where: str) -> str:
    if len(states) > 1:
        keys = ", ".join(map(repr, states))
        do = f"save one: torch.save(torch.load({where!r}, weights_only=True)[KEY], 'one.pth')"
        raise WeightsError(f"several state dicts, and none has a usual name: {keys}", where=where, do=do)
    return next(iter(states))


def _read(value: object, where: str) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of a state dict or of a module that was pickled whole, and the module's class."""
    if is_module_stub(value):
        return module_state_dict(value, where), foreign_name(value)
    return _tensors(mapping_items(value) if isinstance(value, Mapping) else {}, where), ""


def _tensors(entries: Mapping[Any, Any], where: str) -> dict[str, Tensor]:
    """Return plain tensors by name.

    Raises:
        WeightsError: Something is none, or a tensor of another kind than dense.
    """
    others = {name: value for name, value in entries.items() if not _is_extra(name) or isinstance(value, Tensor)}
    others = {name: value for name, value in others.items() if not (isinstance(value, Tensor) and type(name) is str)}
    if others:
        shown = [f"{key_name(key)}{class_note(value)}" for key, value in [*others.items()][:SHOWN]]
        raise WeightsError(
            f"not a state dict: {', '.join(shown)} and {max(len(others) - SHOWN, 0)} more are no tensors",
            where=where,
            do=f"pass the state dict alone; one under {', '.join(WRAPPERS[:4])}, ... is found",
        )
    return {name: value for name, value in entries.items() if isinstance(value, Tensor)}


def _completed(average: dict[str, Tensor], base: dict[str, Tensor], contents: CheckpointContents) -> FoundStateDict:
    """Take the statistics of norms with an average that was made of parameters alone."""
    own = [name for name in average if name not in COUNTS]
    start = "module." if own and all(name.startswith("module.") for name in own) else ""
    bare = {start + name.removeprefix("module."): value for name, value in base.items()} if start else base
    lacking = {name: bare[name] for name in bare if name.endswith(STATISTICS) and name not in average}
    if not lacking or any(name not in bare for name in own):
        return average, contents
    return {**average, **lacking}, replace(contents, completed=tuple(lacking))


def detach_tensors(tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Return tensors without graph, hooks and attributes, by torch's own method, which no file can hide.

    Raises:
        WeightsError: One is not dense, or claims far more numbers than there are.
    """
    others = {name: type(value) for name, value in tensors.items() if type(value) not in (Tensor, nn.Parameter)}
    if others:
        raise WeightsError(f"{', '.join(others)}: no plain tensors", where=where, do="pass plain tensors")
    tensors = {name: Tensor.detach(value) for name, value in tensors.items()}
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_quantized:
            raise WeightsError(f"{name} is no dense tensor, but {type(value).__name__}, {value.layout}", where=where)
        if not value.is_meta and value.numel() * value.element_size() > value.untyped_storage().nbytes() + SLACK:
            raise WeightsError(f"{name} {tuple(value.shape)} is expanded from a far smaller storage", where=where)
    return tensors
