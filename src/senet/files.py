"""Write files so that a reader sees the old content or the new, never half of it."""

import contextlib
import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from senet.errors import ResourceError, UsageError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, then rename it over ``path``.

    Raises:
        UsageError: Something is there that is no file.
        ResourceError: The folder cannot be written or the disk is full; ``path`` keeps its old content.
    """
    require_replaceable(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        raise ResourceError(
            f"cannot write: {error.strerror or error}", where=str(path), do="free space or pass another --out"
        ) from error


def require_replaceable(path: Path) -> None:
    """Refuse a path that is a folder, a device or a pipe: a rename would put a file in the place of ``/dev/null``.

    Raises:
        UsageError: It is one.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a device or a pipe"
        raise UsageError(f"{kind}, not a file", where=str(path), do="name a file; it may be a new one")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, which is never held in memory as a whole.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with :func:`write_atomically`."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return comma-separated values with a line of column names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed process left; nobody else may be writing in the folder."""
    for path in folder.glob(".*.tmp"):
        if path.is_file():
            path.unlink()


def require_writable(folder: Path) -> None:
    """Create a folder and prove that a file can be written in it, before any work is done.

    Raises:
        ResourceError: It cannot.
    """
    probe = folder / ".writable"
    write_text(probe, "")
    probe.unlink()
