"""Data that does not fit a folder: WebDataset tars and Parquet files, read by index, in a seeded buffer's order."""

import warnings
from importlib import import_module
from typing import Any

# Names of before version 0.1.0 that still work.
_HOMES = {
    "is_sharded": "senet.data.shards.layout",
    "open_remote": "senet.data",
    "open_shards": "senet.data",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'senet.data.shards' has no attribute {name!r}")
    said = f"senet.data.shards.{name} is deprecated: use {_HOMES[name]}.{name}"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    return getattr(import_module(_HOMES[name]), name)
