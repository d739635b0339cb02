"""Files that a command writes beside what it prints."""

from pathlib import Path

from senet.files import require_replaceable, require_writable


def require_file(path: Path | None) -> None:
    """Prove that a file can be written, before any work is done; None is no file.

    Raises:
        UsageError: Something is there that is no file.
        ResourceError: Its folder cannot be written.
    """
    if path is None:
        return
    require_replaceable(path)
    require_writable(path.parent)
