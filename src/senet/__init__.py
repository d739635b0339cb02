"""Channel attention for convolutional networks on PyTorch: build it, measure whether it pays, ship it."""

import pkgutil
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from senet.accounting import cost as cost
    from senet.attention import ConvBlockAttention as ConvBlockAttention
    from senet.attention import SelectiveKernel as SelectiveKernel
    from senet.attention import SqueezeExcite as SqueezeExcite
    from senet.attention import parse as parse
    from senet.attention.registry import *  # noqa: F403  # a new spec is a line of the table and none here
    from senet.errors import SenetError as SenetError
    from senet.excitation import record as record
    from senet.insertion import blocks as blocks
    from senet.insertion import insert as insert
    from senet.insertion import liveness as liveness
    from senet.insertion import places as places
    from senet.insertion import remove as remove
    from senet.insertion import verify as verify
    from senet.models import rebuild as rebuild
    from senet.models import save_inserted as save_inserted
    from senet.models import save_weights as save_weights
    from senet.models.create import create as create
    from senet.models.load import load as load
    from senet.networks import NETWORKS as NETWORKS
    from senet.networks import dense as dense
    from senet.weights import load_weights as load_weights


__version__ = "0.1.0"

# Imported on first use: `senet --help` must not wait for torch.
_HOMES = {
    "NETWORKS": "senet.networks",
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
    "record": "senet.excitation",
    "remove": "senet.insertion",
    "save_inserted": "senet.models",
    "save_weights": "senet.models",
    "verify": "senet.insertion",
}

# Reached as attributes after `import senet` alone, `senet.training.train_in_memory`; nothing else is imported because
# it was asked for.
_ROOMS = (
    "accounting",
    "attention",
    "data",
    "distributed",
    "errors",
    "excitation",
    "inference",
    "insertion",
    "models",
    "networks",
    "study",
    "training",
    "weights",
)


def __getattr__(name: str) -> Any:
    if name == "ranks":  # the name of that room before version 0.1.0
        name = "distributed"
    if name in _ROOMS:
        return import_module(f"senet.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__all__":
        return ["__version__", *sorted((*_HOMES, *_specs()))]
    if name[:1].isupper():
        specs: dict[str, Any] = import_module("senet.attention.registry").SPECS
        if name in specs:
            return specs[name]
    raise AttributeError(f"module 'senet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__getattr__("__all__"), *_ROOMS))


def _specs() -> list[str]:
    """Return the names of the public specs, from the text of their table: `dir(senet)` must not wait for torch."""
    try:
        table = pkgutil.get_data("senet", "attention/registry.py") or b""
    except OSError:  # installed without its sources
        return [*import_module("senet.attention.registry").SPECS]
    return re.findall(r"^from \S+ import (\w+) as \1$", table.decode(), re.MULTILINE)
