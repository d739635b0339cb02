"""What lies beside weights on the hub: ``config.json``, which names the architecture and the input, and its like.

Tensors of different architectures can have the same names and shapes (a ``resnetblur50`` is a ``resnet50`` to
the eye), so where a config is there, it decides.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from senet.errors import WeightsError, did_you_mean

CONFIG_NAME, PROCESSOR_NAME = "config.json", "preprocessor_config.json"  # timm's and transformers'; transformers' alone
LARGEST = 2**20  # bytes; timm's are of one or two thousand

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x4d")
WIDE = ("resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2")
_LEGACY = ("resnet50", "resnet101", "resnet152", "resnext26_32x4d", "resnext50_32x4d", "resnext101_32x4d")

# Timm's architectures whose logits the tests find equal to those of a network of ours.
ARCHITECTURES: dict[str, str] = {
    **{name: name for name in (*RESNETS, *WIDE, "inception_resnet_v2")},
    **{f"se{name}": f"se_{name}" for name in RESNETS},
    **{f"legacy_se{name}": f"se_{name}" for name in _LEGACY},
    "legacy_senet154": "senet154",
    "skresnext50_32x4d": "sknet50",
}


def read_hub_config(folder: Path) -> dict[str, Any]:
    """Read what lies beside weights: ``config.json`` and, under its own name in it, ``preprocessor_config.json``.

    Raises:
        WeightsError: One is no JSON object, or far larger than a config.
    """
    found = {name: _read_json(folder / name) for name in (CONFIG_NAME, PROCESSOR_NAME) if (folder / name).is_file()}
    hub_config = found.get(CONFIG_NAME, {})
    return {**hub_config, PROCESSOR_NAME: found[PROCESSOR_NAME]} if PROCESSOR_NAME in found else hub_config


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST} bytes")
        hub_config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"not a readable config: {error}", where=str(path), do="fetch it again") from error
    if not isinstance(hub_config, dict):
        raise WeightsError("the config is no JSON object", where=str(path))
    return hub_config


def require_architecture(hub_config: Mapping[str, Any], name: str, where: str) -> None:
    """Refuse weights whose config names another network than the one they are to go into.

    Args:
        hub_config: Of the weights; one without an architecture says nothing.
        name: Of our network.
        where: The file, for the message.

    Raises:
        WeightsError: It is another network of ours, or none that we know to compute the same.
    """
    architecture = hub_config.get("architecture")
    if architecture is None or ARCHITECTURES.get(str(architecture)) == name:
        return
    ours = ARCHITECTURES.get(str(architecture))
    if ours is None:
        raise WeightsError(
            f"the weights are of timm's {architecture}: no network of ours is known to compute the same",
            where=where,
            do=did_you_mean(str(architecture), ARCHITECTURES),
        )
    raise WeightsError(
        f"the weights are of timm's {architecture}, not of {name}",
        where=where,
        do=f'--network {ours} (create("{ours}", weights=...))',
    )


def require_same_architecture(hub_config: Mapping[str, Any], architecture: str, where: str) -> None:
    """Refuse weights whose config names another model of a library's than the one they are to go into.

    Args:
        hub_config: Of the weights.
        architecture: What the library calls the model; empty where nobody says.
        where: The file, for the message.

    Raises:
        WeightsError: It is another: a ``resnetblur50`` has the tensors of a ``resnet50``.
    """
    said = hub_config.get("architecture", architecture)
    if architecture and said != architecture:
        raise WeightsError(f"the weights are of {said}, not of {architecture}", where=where)
