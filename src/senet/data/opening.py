"""Data on disk or at an address by the name that a command line gives it."""

from pathlib import Path

from senet.data.batching import Batching
from senet.data.feed import Feed
from senet.data.on_disk import open_folder
from senet.data.shards import open_remote, open_shards
from senet.data.stream import Loading
from senet.data.transform import InputTransform
from senet.errors import UsageError, nearest


def open_source(source: str, transform: InputTransform, batching: Batching, loading: Loading) -> Feed:
    """Open ``folder:PATH``, ``shards:PATH`` or ``shards:https://...`` (any address that fsspec knows) as a feed.

    Raises:
        UsageError: Another kind of source.
        DataError: What lies there cannot be trained on.
    """
    kind, _, place = source.partition(":")
    if kind not in OPENERS or not place:
        raise UsageError(f"{source!r} is not folder:PATH or shards:PATH", do=nearest(kind, OPENERS))
    return OPENERS[kind](place, transform, batching, loading)


def _folder(place: str, transform: InputTransform, batching: Batching, loading: Loading) -> Feed:
    return open_folder(Path(place), transform, batching, loading)


def _shards(place: str, transform: InputTransform, batching: Batching, loading: Loading) -> Feed:
    if "://" in place:
        return open_remote(place, transform, batching, loading)
    return open_shards(Path(place), transform, batching, loading)


OPENERS = {"folder": _folder, "shards": _shards}
