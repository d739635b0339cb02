"""Channel attention for convolutional networks on PyTorch: build it, measure whether it pays, ship it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.accounting import cost
    from senet.attention import CBAM, SE, SK, ConvBlockAttention, SelectiveKernel, SqueezeExcite, parse
    from senet.errors import SenetError
    from senet.networks import NETWORKS, dense
    from senet.weights import create, load_weights, save_weights

__version__ = "0.1.0"

__all__ = [
    "CBAM",
    "NETWORKS",
    "SE",
    "SK",
    "ConvBlockAttention",
    "SelectiveKernel",
    "SenetError",
    "SqueezeExcite",
    "__version__",
    "cost",
    "create",
    "dense",
    "load_weights",
    "parse",
    "save_weights",
]

# Imported on first use: `senet --help` must not wait for torch.
_HOMES = {
    "CBAM": "senet.attention",
    "NETWORKS": "senet.networks",
    "SE": "senet.attention",
    "SK": "senet.attention",
    "ConvBlockAttention": "senet.attention",
    "SelectiveKernel": "senet.attention",
    "SenetError": "senet.errors",
    "SqueezeExcite": "senet.attention",
    "cost": "senet.accounting",
    "create": "senet.weights",
    "dense": "senet.networks",
    "load_weights": "senet.weights",
    "parse": "senet.attention",
    "save_weights": "senet.weights",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'senet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
