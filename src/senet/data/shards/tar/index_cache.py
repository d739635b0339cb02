"""The table of a shard: from beside a packed one, from the cache of a foreign one, or from a scan."""

import hashlib
import logging
import os
from pathlib import Path

from senet.data.hashing import cache_folder
from senet.data.shards.index import ShardEntry
from senet.data.shards.tar.index import OutdatedError, TarIndex, from_text, to_text
from senet.data.shards.tar.scan import scan_tar
from senet.errors import DataError, SenetError
from senet.utils.files import write_text
from senet.utils.text import printable

logger = logging.getLogger("senet")
READING = 2  # of foreign shards; another way to read their names is another number, and another table


def load_tar_index(shard: Path, entry: ShardEntry | None) -> TarIndex:
    """Return the samples of a tar. A table that is broken is made anew, and said to be.

    One in the cache that is of the file as it was is made anew without a word.

    Args:
        shard: The file.
        entry: What the index says of it; None for a foreign one.

    Raises:
        DataError: The shard is missing, truncated, not a tar, or not what the index says.
    """
    size, stamp = _required(shard, entry)
    kept = tar_index_file(shard, entry)
    try:
        table = from_text(kept.read_text(encoding="utf-8"), stamp)
    except FileNotFoundError:
        table = _scanned(shard, kept, stamp)
    except OutdatedError as error:
        if entry:  # beside a packed shard: somebody replaced one of the two; in the cache it is what a cache is for
            logger.warning("the table %s is %s: the shard is scanned again", printable(kept), printable(error))
        table = _scanned(shard, kept, stamp)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        logger.warning("the table %s is %s: the shard is scanned again", printable(kept), printable(error))
        table = _scanned(shard, kept, stamp)
    if not _fits(table, size) or (entry and len(table) != entry.samples):
        raise DataError(
            f"{len(table):,} samples that are not those of the index",
            where=printable(shard),
            do="fetch or pack it again",
        )
    return table


def _fits(table: TarIndex, size: int) -> bool:
    """Whether every sample lies within the file."""
    return all(
        offset >= 0 and length >= 0 and offset + length <= size
        for offset, length in zip(table.offsets, table.sizes, strict=True)
    )


def tar_index_file(shard: Path, entry: ShardEntry | None) -> Path:
    """Return where the table lies: beside a packed shard, in the cache for a foreign one."""
    if entry:
        return shard.with_suffix(".json")
    name = hashlib.sha256(os.fsencode(shard.resolve())).hexdigest()[:16]
    return cache_folder() / f"shard-{name}-{READING}.json"


def _required(shard: Path, entry: ShardEntry | None) -> tuple[int, str]:
    """Return a shard's size and the stamp of its table, or say what is wrong with it."""
    try:
        status = shard.stat()
    except OSError as error:
        raise DataError(
            f"the shard cannot be read: {error.strerror}", where=printable(shard), do="fetch or pack it again"
        ) from error
    if entry is None:
        return status.st_size, f"{status.st_size} bytes, {status.st_mtime_ns} ns"
    if status.st_size != entry.bytes:
        raise DataError(
            f"the shard has {status.st_size:,} bytes, its index says {entry.bytes:,}",
            where=printable(shard),
            do="fetch or pack it again",
        )
    return status.st_size, entry.sha256


def _scanned(shard: Path, kept: Path, stamp: str) -> TarIndex:
    table = scan_tar(shard)
    try:
        write_text(kept, to_text(table, stamp))
    except SenetError as error:
        logger.warning("the table of %s is not kept: %s", printable(shard), error.what)
    return table
