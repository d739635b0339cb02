"""Load hook of blocks: other people's names and shapes for the same layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

# The squeeze layers under the names of other people's code: linear layers in `fc` (most tutorials), in `excitation`,
# and convolutions with batch norms in `se` (the MobileNetV3 ports).
SQUEEZE_NAMES = {
    "fc.0.": "fc1.",
    "fc.2.": "fc2.",
    "excitation.0.": "fc1.",
    "excitation.2.": "fc2.",
    "se.1.": "fc1.",
    "se.2.": "bn1.",
    "se.4.": "fc2.",
    "se.5.": "bn2.",
}


def accept_names(module: nn.Module, names: Mapping[str, str]) -> None:
    """Let a module load other people's names and shapes too.

    Args:
        module: Changed in place.
        names: What a foreign name begins with, and ours.
    """
    module.register_load_state_dict_pre_hook(AcceptNames(names))


@dataclass(frozen=True)
class AcceptNames:
    """Renames what a module loads, and flattens the 1x1 kernels of convolutions where it has linear layers.

    Args:
        names: What a foreign name begins with, and ours.
    """

    names: Mapping[str, str]

    def __call__(self, module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object) -> None:
        """Load hook; changes the state dict in place."""
        own = dict(module.named_parameters())
        for key in [key for key in state_dict if key.startswith(prefix)]:
            value, name = state_dict.pop(key), self._ours(key[len(prefix) :])
            if name in own and value.shape == own[name].shape + (1,) * (value.ndim - own[name].ndim):
                value = value.reshape(own[name].shape)
            state_dict[prefix + name] = value

    def _ours(self, name: str) -> str:
        foreign = next((foreign for foreign in self.names if name.startswith(foreign)), None)
        return name if foreign is None else self.names[foreign] + name[len(foreign) :]
