"""What the files beside weights say of their input and their classes, and what of it is used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from senet.errors import WeightsError
from senet.metadata import NO_METADATA, Metadata, read_metadata
from senet.weights.hub.config import NAME, PROCESSOR

KEYS = ("input_size", "mean", "std", "interpolation", "crop_pct")  # timm's
RESAMPLES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers, as transformers has them
NAMES = ("label_names", "class_names", "classes")
GENERIC = "LABEL_"  # what transformers calls classes that nobody named


@dataclass(frozen=True)
class Beside:
    """What is known from beside the weights.

    Args:
        metadata: Input, classes, architecture and licence, as far as they are said.
        said: Sentences for the user: what was used, and what was not.
    """

    metadata: Metadata = NO_METADATA
    said: tuple[str, ...] = ()


def beside(card: Mapping[str, Any]) -> Beside:
    """Read a card, of any kind, as :func:`~senet.weights.hub.config.read_card` returns it.

    Raises:
        WeightsError: A value of another type than it has everywhere.
    """
    config = _config(card)
    timms = {key: config[key] for key in KEYS if key in config}
    others, left = _processed(card.get(PROCESSOR))
    said = [f"{NAME}: {key} {value} is not used" for key, value in _unused(config)] + left
    if timms and not _whole(timms):
        said.append(f"{NAME} has not both mean and std: its input is not used")
    if _whole(timms) and others and any(_differs(timms[key], others[key]) for key in ("mean", "std")):
        said.append(f"{PROCESSOR} says another mean or deviation than {NAME}: {NAME} is used")
    transform, source = (timms, NAME) if _whole(timms) else (others, PROCESSOR)
    classes = _classes(card, config)
    if len(set(classes)) < len(classes):
        said.append(f"{NAME} gives {len(classes)} outputs {len(set(classes))} names: they are not used")
        classes = []
    used = [*(["input"] if transform else []), *([f"{len(classes)} class names"] if classes else [])]
    if used:
        said.insert(0, f"{source if transform else NAME} beside the weights: {' and '.join(used)}")
    words = {"architecture": card.get("architecture"), "tag": config.get("tag"), "licence": config.get("license")}
    known: dict[str, Any] = {key: value for key, value in words.items() if isinstance(value, str)}
    known |= {"input_transform": transform} if transform else {}
    return Beside(read_metadata({**known, **({"classes": classes} if classes else {})}, NAME), tuple(said))


def _config(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return timm's description of the weights; in cards of before it lay at the top level."""
    inner = [card.get(key) for key in ("pretrained_cfg", "default_cfg")]
    return next((one for one in inner if isinstance(one, Mapping)), card)


def _whole(transform: Mapping[str, Any]) -> bool:
    return all(isinstance(transform.get(key), list | tuple) for key in ("mean", "std"))


def _differs(one: object, other: object) -> bool:
    return [*map(float, one)] != [*map(float, other)]  # type: ignore[call-overload]  # JSON, checked by _whole


def _unused(config: Mapping[str, Any]) -> list[tuple[str, object]]:
    """What would change the input, and is not to be had here."""
    usual = {"crop_mode": "center", "channel_order": "RGB"}
    return [(key, config[key]) for key, value in usual.items() if config.get(key) not in (None, value)]


def _processed(said: object) -> tuple[dict[str, Any], list[str]]:
    """Return the input as transformers' processor has it, in timm's words, and what of it is not used."""
    if not isinstance(said, Mapping):
        return {}, []
    mean, std = said.get("image_mean"), said.get("image_std")
    if said.get("do_normalize") is False:
        mean, std = [0.0] * 3, [1.0] * 3
    transform: dict[str, Any] = {"mean": mean, "std": std}
    factor = said.get("rescale_factor", 1 / 255)
    if not _whole(transform):
        return {}, [f"{PROCESSOR} has not both image_mean and image_std: it is not used"]
    if said.get("do_rescale") is False or not (isinstance(factor, float) and math.isclose(factor, 1 / 255)):
        return {}, [f"{PROCESSOR} rescales pixels by {factor}, not by 1/255: it is not used"]
    resample = RESAMPLES.get(said.get("resample", 2))
    left = [] if resample else [f"{PROCESSOR}: resample {said.get('resample')} is not used"]
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


def _classes(card: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    for said in (config.get(key, card.get(key)) for key in NAMES):
        if isinstance(said, list) and said and all(isinstance(name, str) for name in said):
            return said
    numbered = card.get("id2label")
    if not isinstance(numbered, Mapping) or {*numbered} != {str(i) for i in range(len(numbered))}:
        return []
    names = [str(numbered[str(i)]) for i in range(len(numbered))]
    return [] if all(name.startswith(GENERIC) for name in names) else names


def own_or_beside(own: Metadata, found: Beside) -> Beside:
    """Return what is known in all: what a file says itself comes first."""
    if own == NO_METADATA:
        return found
    theirs, ours = found.metadata.input_transform, own.input_transform
    said = found.said
    if theirs and ours and any(_differs(theirs[key], ours.get(key, ())) for key in ("mean", "std")):
        said = (f"the files beside the weights say another input than they do themselves: {NAME} is not used",)
    try:
        return Beside(own.with_defaults(found.metadata), said)
    except WeightsError:
        return Beside(own, said)
