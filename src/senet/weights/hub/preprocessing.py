"""What the files beside weights say of their input and their classes, and what of it is used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from senet.errors import WeightsError
from senet.metadata import NO_METADATA, Metadata, read_metadata
from senet.weights.hub.config import CONFIG_NAME, PROCESSOR_NAME

KEYS = ("input_size", "mean", "std", "interpolation", "crop_pct")  # timm's
RESAMPLES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers, as transformers has them
NAMES = ("label_names", "class_names", "classes")
GENERIC = "LABEL_"  # what transformers calls classes that nobody named


@dataclass(frozen=True)
class CompanionMetadata:
    """What is known from beside the weights.

    Args:
        metadata: Input, classes, architecture and licence, as far as they are said.
        notes: Sentences for the user: what was used, and what was not.
    """

    metadata: Metadata = NO_METADATA
    notes: tuple[str, ...] = ()


def companion_metadata(hub_config: Mapping[str, Any]) -> CompanionMetadata:
    """Read a config, of any kind, as :func:`~senet.weights.hub.config.read_hub_config` returns it.

    Raises:
        WeightsError: A value of another type than it has everywhere.
    """
    config = _config(hub_config)
    timms = {key: config[key] for key in KEYS if key in config}
    others, left = _from_processor(hub_config.get(PROCESSOR_NAME))
    said = [f"{CONFIG_NAME}: {key} {value} is not used" for key, value in _unused(config)] + left
    if timms and not _has_mean_and_std(timms):
        said.append(f"{CONFIG_NAME} has not both mean and std: its input is not used")
    if _has_mean_and_std(timms) and others and any(_differs(timms[key], others[key]) for key in ("mean", "std")):
        said.append(f"{PROCESSOR_NAME} says another mean or deviation than {CONFIG_NAME}: {CONFIG_NAME} is used")
    transform, source = (timms, CONFIG_NAME) if _has_mean_and_std(timms) else (others, PROCESSOR_NAME)
    classes = _classes(hub_config, config)
    if len(set(classes)) < len(classes):
        said.append(f"{CONFIG_NAME} gives {len(classes)} outputs {len(set(classes))} names: they are not used")
        classes = []
    used = [*(["input"] if transform else []), *([f"{len(classes)} class names"] if classes else [])]
    if used:
        said.insert(0, f"{source if transform else CONFIG_NAME} beside the weights: {' and '.join(used)}")
    words = {"architecture": hub_config.get("architecture"), "tag": config.get("tag"), "licence": config.get("license")}
    known: dict[str, Any] = {key: value for key, value in words.items() if isinstance(value, str)}
    known |= {"input_transform": transform} if transform else {}
    return CompanionMetadata(
        read_metadata({**known, **({"classes": classes} if classes else {})}, CONFIG_NAME), tuple(said)
    )


def _config(hub_config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return timm's description of the weights; in configs of before it lay at the top level."""
    inner = [hub_config.get(key) for key in ("pretrained_cfg", "default_cfg")]
    return next((one for one in inner if isinstance(one, Mapping)), hub_config)


def _has_mean_and_std(transform: Mapping[str, Any]) -> bool:
    return all(isinstance(transform.get(key), list | tuple) for key in ("mean", "std"))


def _differs(one: object, other: object) -> bool:
    return [*map(float, one)] != [*map(float, other)]  # type: ignore[call-overload]  # JSON, checked by _whole


def _unused(config: Mapping[str, Any]) -> list[tuple[str, object]]:
    """What would change the input, and is not to be had here."""
    usual = {"crop_mode": "center", "channel_order": "RGB"}
    return [(key, config[key]) for key, value in usual.items() if config.get(key) not in (None, value)]


def _from_processor(said: object) -> tuple[dict[str, Any], list[str]]:
    """Return the input as transformers' processor has it, in timm's words, and what of it is not used."""
    if not isinstance(said, Mapping):
        return {}, []
    mean, std = said.get("image_mean"), said.get("image_std")
    if said.get("do_normalize") is False:
        mean, std = [0.0] * 3, [1.0] * 3
    transform: dict[str, Any] = {"mean": mean, "std": std}
    factor = said.get("rescale_factor", 1 / 255)
    if not _has_mean_and_std(transform):
        return {}, [f"{PROCESSOR_NAME} has not both image_mean and image_std: it is not used"]
    if said.get("do_rescale") is False or not (isinstance(factor, float) and math.isclose(factor, 1 / 255)):
        return {}, [f"{PROCESSOR_NAME} rescales pixels by {factor}, not by 1/255: it is not used"]
    resample = RESAMPLES.get(said.get("resample", 2))
    left = [] if resample else [f"{PROCESSOR_NAME}: resample {said.get('resample')} is not used"]
    return {**transform, **({"interpolation": resample} if resample else {}), **_size(said)}, left


def _size(said: Mapping[str, Any]) -> dict[str, Any]:
    crop, size = (_sides(said.get(key)) for key in ("crop_size", "size"))
    centre = said.get("do_center_crop", False) and crop is not None
    taken = crop if centre else size
    if taken is None:
        return {}
    share = min(taken) / min(size) if centre and size and min(size) >= min(taken) else said.get("crop_pct", 1.0)
    return {"input_size": [3, *taken], "crop_pct": share}


def _sides(said: object) -> tuple[int, int] | None:
    if isinstance(said, Mapping):
        short = said.get("shortest_edge")
        said = [said.get("height", short), said.get("width", short)]
    sides = said if isinstance(said, list) else [said, said]
    height, width = sides if len(sides) == 2 else (None, None)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _classes(hub_config: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    for said in (config.get(key, hub_config.get(key)) for key in NAMES):
        if isinstance(said, list) and said and all(isinstance(name, str) for name in said):
            return said
    numbered = hub_config.get("id2label")
    if not isinstance(numbered, Mapping) or {*numbered} != {str(i) for i in range(len(numbered))}:
        return []
    names = [str(numbered[str(i)]) for i in range(len(numbered))]
    return [] if all(name.startswith(GENERIC) for name in names) else names


def merge_companion_metadata(own: Metadata, found: CompanionMetadata) -> CompanionMetadata:
    """Return what is known in all: what a file says itself comes first."""
    if own == NO_METADATA:
        return found
    theirs, ours = found.metadata.input_transform, own.input_transform
    said = found.notes
    if theirs and ours and any(_differs(theirs[key], ours.get(key, ())) for key in ("mean", "std")):
        said = (f"the files beside the weights say another input than they do themselves: {CONFIG_NAME} is not used",)
    try:
        return CompanionMetadata(own.with_defaults(found.metadata), said)
    except WeightsError:
        return CompanionMetadata(own, said)
