"""Write files so that a reader sees the old content or the new, never half of it."""

import contextlib
import csv
import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from senet.errors import ResourceError, UsageError

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


def write_atomically(path: Path, write: Callable[[Path], object], flag: str = "--out") -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, then rename it over ``path``.

    A file that is there keeps its permissions, a new one has those that ``open()`` gives; a link stays one.

    Args:
        path: Of the file.
        write: Is given the path of the temporary file.
        flag: Of the command line that says where files go, for errors.

    Raises:
        UsageError: Something is there that is no file.
        ResourceError: The folder cannot be written or the disk is full; ``path`` keeps its old content.
    """
    require_replaceable(path)
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(_temporary_name(target.name))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_with_permissions(temporary, write, like=target)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        do = writing_remedy(error, f"pass another {flag}")
        raise ResourceError(f"cannot write: {error.strerror or error}", where=str(path), do=do) from error


def writing_remedy(error: Exception, elsewhere: str = "") -> str:
    """Say what to do where the system does not let us write.

    Args:
        error: The system's, or one that tells its number, as safetensors' does.
        elsewhere: What names another place to write to, if anything does.
    """
    told = re.search(r"os error (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else int(told[1]) if told else 0
    if number in FULL:
        return f"free space, or {elsewhere}" if elsewhere else "free space"
    if number in FORBIDDEN:
        return elsewhere or "make the folder writable"
    return elsewhere or "check the disk"


def _temporary_name(name: str) -> str:
    """Return a hidden name, of another process another one; a long one is cut, or its ending would not fit."""
    kept = name.encode()[:200].decode(errors="ignore")
    return f".{kept}.{os.getpid()}.tmp"


def write_with_permissions(path: Path, write: Callable[[Path], object], like: Path | None = None) -> None:
    """Let ``write`` fill a new file, and give it the permissions that ``open()`` gives: safetensors has its own.

    Args:
        path: Of the file.
        write: Is given the path.
        like: A file whose permissions it has instead, if that is there.
    """
    path.touch()
    mode = (like if like and like.exists() else path).stat().st_mode
    write(path)
    if path.stat().st_mode != mode:
        with contextlib.suppress(PermissionError):  # a file system without permissions has none to lose
            path.chmod(stat.S_IMODE(mode))


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


def write_text(path: Path, text: str, flag: str = "--out") -> None:
    """Write UTF-8 text with :func:`write_atomically`."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""), flag)


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


def require_writable(folder: Path, flag: str = "--out") -> None:
    """Prove that a file can be written in a folder, before any work is done; one that was not there is not kept.

    Args:
        folder: It may be a new one.
        flag: Of the command line that names it.

    Raises:
        ResourceError: It cannot.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    probe = folder / ".writable"
    try:
        write_text(probe, "", flag)
        probe.unlink(missing_ok=True)  # of two commands in one folder the other one may be faster
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # it was not made, or another process has put something there
                path.rmdir()
