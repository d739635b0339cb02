"""Load hook of the squeeze layers: other people's names and shapes for the same two layers."""

from typing import Any

from torch import nn

# The same block under the names of other people's code: linear layers in `fc` (most tutorials), in
# `excitation`, and convolutions with batch norms in `se` (the MobileNetV3 ports).
FOREIGN_NAMES = {
    "fc.0.": "fc1.",
    "fc.2.": "fc2.",
    "excitation.0.": "fc1.",
    "excitation.2.": "fc2.",
    "se.1.": "fc1.",
    "se.2.": "bn1.",
    "se.4.": "fc2.",
    "se.5.": "bn2.",
}


def accept_foreign_names(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object) -> None:
    """Load hook: rename the layers and flatten 1x1 convolutions to the linear weights that we keep."""
    for key in [key for key in state_dict if key.startswith(prefix)]:
        value, name = state_dict.pop(key), key[len(prefix) :]
        for foreign, ours in FOREIGN_NAMES.items():
            if name.startswith(foreign):
                name = ours + name[len(foreign) :]
        if name in ("fc1.weight", "fc2.weight") and value.ndim > 2 and value.shape[2:].numel() == 1:
            value = value.flatten(1)
        state_dict[prefix + name] = value
