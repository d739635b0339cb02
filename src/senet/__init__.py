"""Channel attention for convolutional networks on PyTorch: build it, measure whether it pays, ship it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.accounting import cost
    from senet.attention import CBAM, SE, SK, ConvBlockAttention, SelectiveKernel, SqueezeExcite, parse
    from senet.errors import SenetError
    from senet.insertion import blocks, insert, liveness, places, remove
    from senet.models import rebuild, save_inserted, save_weights
    from senet.models.create import create
    from senet.models.load import load
    from senet.networks import NETWORKS, dense
    from senet.weights import load_weights

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
    "load",
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
    "create": "senet.models.create",
    "dense": "senet.networks",
    "insert": "senet.insertion",
    "liveness": "senet.insertion",
    "load": "senet.models.load",
    "load_weights": "senet.weights",
    "parse": "senet.attention",
    "places": "senet.insertion",
    "rebuild": "senet.models",
    "remove": "senet.insertion",
    "save_inserted": "senet.models",
    "save_weights": "senet.models",
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
    "models",
    "networks",
    "ranks",
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
