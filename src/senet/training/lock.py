"""One process at a time in a run's folder."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from senet.errors import UsageError
from senet.files import write_text


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep a second process out of a folder, made if need be; the system drops the lock of a process that dies.

    Raises:
        UsageError: Another process holds it; names the process and its host.
    """
    owner = folder / ".lock.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", blocking=False):
            write_text(owner, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
            yield
    except Timeout as error:
        what, do = f"another process works in this folder: {_owner(owner)}", "wait for it, or pass another --out"
        raise UsageError(what, where=str(folder), do=do) from error


def _owner(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"pid {said['pid']} on host {said['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it did not say which"
