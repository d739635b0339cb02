"""SHA-256 of files."""

import hashlib
from pathlib import Path

BLOCK = 1 << 20


def sha256(file: Path) -> str:
    """Digest a file without holding it in memory."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
