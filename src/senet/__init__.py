"""Channel attention for convolutional networks on PyTorch: build it, measure whether it pays, ship it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.accounting import cost
    from senet.attention import CBAM, SE, SK, ConvBlockAttention, SelectiveKernel, SqueezeExcite, parse
    from senet.errors import SenetError
    from senet.insertion import blocks, insert, liveness, places, remove
    from senet.networks import NETWORKS, dense
    from senet.sources import rebuild, save_inserted
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
    "blocks",
    "cost",
    "create",
    "dense",
    "insert",
    "liveness",
    "load_weights",
    "parse",
    "places",
    "rebuild",
    "remove",
    "save_inserted",
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
    "blocks": "senet.insertion",
    "cost": "senet.accounting",
    "create": "senet.weights",
    "dense": "senet.networks",
    "insert": "senet.insertion",
    "liveness": "senet.insertion",
    "load_weights": "senet.weights",
    "parse": "senet.attention",
    "places": "senet.insertion",
    "rebuild": "senet.sources",
    "remove": "senet.insertion",
    "save_inserted": "senet.sources",
    "save_weights": "senet.weights",
}

# Reached as attributes after `import senet` alone, `senet.training.train_in_memory`; nothing else is imported because
# it was asked for.
_ROOMS = (
    "accounting",
    "attention",
    "data",
    "errors",
    "inference",
    "insertion",
    "networks",
    "ranks",
    "sources",
    "study",
    "training",
    "weights",
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"senet.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'senet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS))
