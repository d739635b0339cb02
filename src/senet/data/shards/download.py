"""Shards at an address: a copy of them on this disk, made once, then read by index like any other folder."""

import errno
import hashlib
import json
import logging
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from senet.data.hashing import cache_folder
from senet.data.shards.index import ENDINGS, INDEX
from senet.data.shards.layout import BESIDE, COPIED, copied_stamps, find_shards
from senet.data.shards.remote import RemoteShard, list_remote_shards, open_url, read_remote_index, shards_of_index
from senet.errors import DataError, ResourceError, SenetError
from senet.utils.files import FULL, sha256, write_text, writing_remedy
from senet.utils.text import counted, printable

logger = logging.getLogger("senet")
ELSEWHERE = "set XDG_CACHE_HOME to a folder on another disk"
EVERY = 30.0  # seconds between two messages of how far a copy is


def download_shards(url: str) -> Path:
    """Return the folder of a copy; shards that are there, and have not changed at the address, are not fetched again.

    Nothing but this address is reached. A copy that is interrupted goes on with the shard that was not whole.

    Args:
        url: A folder that fsspec knows: ``https://``, ``hf://datasets/...``, ``s3://``, ``gs://``, ``file://``, ...

    Raises:
        DataError: Nothing there, no answer, or shards that are not what their index says.
        ResourceError: The disk has not the room.
        UsageError: What reads such an address is not installed.
    """
    from filelock import FileLock  # torch brings it

    url = url.rstrip("/")
    folder = shard_cache_folder(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock").acquire()
    except OSError as error:
        do = writing_remedy(error, ELSEWHERE)
        raise ResourceError(f"cannot write: {error.strerror}", where=str(folder), do=do) from error
    with lock, _explained(url, folder):
        files, root = open_url(url)
        text = read_remote_index(files, root)
        there, rest = list_remote_shards(files, root, url) if text is None else (shards_of_index(text, url), [])
        _prepare(folder, text, there)
        write_text(folder / BESIDE, json.dumps(dict.fromkeys(rest, "")))
        _fetch_all(files, root, [one for one in there if not (folder / one.name).is_file()], folder, url)
    return folder


def shard_cache_folder(url: str) -> Path:
    """Return where the copy of an address is kept; deleting it costs the time to fetch it again and nothing else."""
    return cache_folder() / "shards" / f"{Path(url).name}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


@contextmanager
def _explained(url: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except ResourceError as error:  # a file that was written has another remedy
        cause = error.__cause__  # the system's; the free space was looked at where there is none
        do = writing_remedy(cause if isinstance(cause, OSError) else OSError(errno.ENOSPC, ""), ELSEWHERE)
        raise ResourceError(error.what, where=error.where, do=do) from error
    except SenetError:
        raise
    except Exception as error:  # every kind of server has errors of its own
        whole = copied_stamps(folder) and not find_shards(folder).missing
        here = f", or take the copy that is here: --data {shlex.quote(f'shards:{folder}')}" if whole else ""
        what, do = printable(error) or type(error).__name__, f"check the address and the network{here}"
        raise DataError(f"cannot read the address: {what}", where=printable(url), do=do) from error


def _prepare(folder: Path, text: str | None, there: Sequence[RemoteShard]) -> None:
    """Remove what is no longer at the address, and write what is: a shard that stays has the content of its stamp."""
    stamps, known = {one.name: one.stamp for one in there}, copied_stamps(folder)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.suffix in ENDINGS and path.is_file() and (name not in stamps or stamps[name] != known.get(name)):
            path.unlink()
    if text is None:
        (folder / INDEX).unlink(missing_ok=True)
    else:
        write_text(folder / INDEX, text)
    write_text(folder / COPIED, json.dumps(stamps))


def _fetch_all(files: Any, root: str, lacking: Sequence[RemoteShard], folder: Path, url: str) -> None:
    if _size(lacking) > shutil.disk_usage(folder).free:
        raise _no_room(lacking, folder)
    if lacking:
        shards = counted(len(lacking), "shard")
        logger.warning("%s: copying %s, %s, to %s", printable(url), shards, _mb(_size(lacking)), folder)
    said = time.monotonic()
    for done, one in enumerate(lacking):
        if time.monotonic() - said > EVERY:
            logger.warning("%s: %d of %d shards copied", printable(url), done, len(lacking))
            said = time.monotonic()
        try:
            _fetch(files, f"{root}/{one.name}", one, folder)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise _no_room(lacking[done:], folder) from error


def _fetch(files: Any, source: str, one: RemoteShard, folder: Path) -> None:
    """Fetch a shard; it has its name only when it is whole."""
    temporary = folder / ".shard.tmp"  # one name: what a killed process left is written over
    try:
        files.get_file(source, str(temporary))
        _require_whole(temporary, one, source)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        (folder / one.name).parent.mkdir(exist_ok=True)
        temporary.replace(folder / one.name)
    finally:
        temporary.unlink(missing_ok=True)


def _require_whole(path: Path, one: RemoteShard, source: str) -> None:
    size, again = path.stat().st_size, "try again, or upload it again"
    if one.size not in (None, size):
        raise DataError(f"the shard has {size:,} bytes, not {one.size:,}", where=printable(source), do=again)
    if one.sha256 not in (None, sha256(path)):
        raise DataError("the shard is corrupt: its SHA-256 is not the index's", where=printable(source), do=again)


def _no_room(lacking: Sequence[RemoteShard], folder: Path) -> ResourceError:
    free = _mb(shutil.disk_usage(folder).free)
    return ResourceError(f"a copy of the shards needs {_mb(_size(lacking))} more; {free} are free", where=str(folder))


def _size(shards: Sequence[RemoteShard]) -> int:
    return sum(one.size or 0 for one in shards)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
