"""Fingerprints of files on disk: contents are hashed, and the hashes kept, so that a second run need not read all."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from senet.errors import ResourceError, SenetError
from senet.utils.files import sha256, write_text

logger = logging.getLogger("senet")

# [size in bytes, modification time in ns, SHA-256] by path relative to the root
Known = dict[str, list[object]]


def content_digests(root: Path, names: Sequence[str]) -> list[str]:
    """Return the SHA-256 of each file's bytes, ``unreadable`` for what cannot be read.

    A hash is taken from the cache where size and modification time are what they were.
    """
    cache = cache_file(root)
    known = _read(cache)
    with ThreadPoolExecutor() as pool:
        found = dict(zip(names, pool.map(lambda name: _entry(root / name, known.get(name)), names), strict=True))
    changed = [name for name, entry in found.items() if known.get(name) != entry]
    if changed:
        _write(cache, known | found)
    return [str(found[name][2]) for name in names]


def cache_file(root: Path) -> Path:
    """Return where the hashes of a folder's files are kept; deleting it costs time and nothing else."""
    return cache_folder() / f"digests-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"


def cache_folder() -> Path:
    """Return where things are kept that save time and nothing else.

    Raises:
        ResourceError: The user has no home folder, and nothing else is said.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "senet"
    except RuntimeError as error:  # a container's user that no list of users has
        do = "set XDG_CACHE_HOME to a folder"
        raise ResourceError("there is no home folder for the cache of file hashes and step times", do=do) from error


def _entry(path: Path, known: list[object] | None) -> list[object]:
    try:
        status = path.stat()
        stamp: list[object] = [status.st_size, status.st_mtime_ns]
        if known is not None and known[:2] == stamp:
            return known
        return [*stamp, sha256(path)]
    except OSError:
        return [0, 0, "unreadable"]


def _read(cache: Path) -> Known:
    try:
        said = json.loads(cache.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s is broken (%s): files are hashed again", cache, error)
        return {}
    if not isinstance(said, dict):
        logger.warning("%s is no cache of hashes: files are hashed again", cache)
        return {}
    whole = {name: entry for name, entry in said.items() if _is_entry(entry)}
    if len(whole) < len(said):
        logger.warning("%s has %d broken entries: their files are hashed again", cache, len(said) - len(whole))
    return whole


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, list) or [type(part) for part in entry] != [int, int, str]:
        return False
    return len(entry[2]) == 64


def _write(cache: Path, known: Known) -> None:
    try:
        write_text(cache, json.dumps(known))
    except SenetError as error:
        logger.warning("the hashes of the files are not kept: %s", error.what)
