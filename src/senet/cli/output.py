"""Files that a command writes beside what it prints."""

from pathlib import Path

from senet.errors import UsageError
from senet.files import require_writable


def require_file(path: Path | None) -> None:
    """Prove that a file can be written, before any work is done; None is no file.

    Raises:
        UsageError: It is a folder.
        ResourceError: Its folder cannot be written.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder", do="name a file in it")
    require_writable(path.parent)
