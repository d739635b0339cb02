"""An address for the tests: fsspec's memory file system stands for a server, and no socket is opened."""

import fsspec

URL = "memory://bucket/data"


def upload(root):
    """Put the files of a folder at the address, and nothing else there."""
    files = fsspec.filesystem("memory")
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None
    for path in root.rglob("*"):
        if path.is_file():
            files.pipe(f"/bucket/data/{path.relative_to(root).as_posix()}", path.read_bytes())
    return files
