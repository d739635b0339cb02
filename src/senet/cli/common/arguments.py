"""Values of flags: lists of integers, and files and folders that will be written."""

from pathlib import Path

from senet.errors import UsageError
from senet.utils.files import require_replaceable, require_writable


def parse_integers(text: str, flag: str, such_as: str) -> tuple[int, ...]:
    """Read numbers between commas.

    Raises:
        UsageError: They are none.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{flag} {text} is not a list of integers", do=f"write it as {flag} {such_as}") from error


def parse_stages(text: str | None) -> tuple[int, ...] | None:
    """Read ``--stages``; all where it is not given."""
    return None if text is None else parse_integers(text, "--stages", "3,4")


def require_no_file(folder: Path, name: str, what: str) -> None:
    """Refuse a folder that something else was written to, which has another command's file of this name.

    Raises:
        UsageError: It is there.
    """
    if (folder / name).exists():
        raise UsageError(f"the folder holds {what}", where=str(folder), do="pass another --out")


def require_writable_file(path: Path | None, flag: str = "--out") -> None:
    """Prove that a file can be written, before any work is done.

    Args:
        path: None is no file.
        flag: Of the command line that names it.

    Raises:
        UsageError: Something is there that is no file.
        ResourceError: Its folder cannot be written.
    """
    if path is None:
        return
    require_replaceable(path)
    require_writable(path.parent, flag)
