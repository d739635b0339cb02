"""What a file of weights really is, by its first bytes, and whether its name says so."""

from pathlib import Path
from typing import Literal

from senet.errors import WeightsError

Kind = Literal["safetensors", "pickle", "caffemodel"]

SUFFIXES: dict[str, Kind] = {
    ".safetensors": "safetensors",
    ".pth": "pickle",
    ".pt": "pickle",
    ".bin": "pickle",
    ".tar": "pickle",  # *.pth.tar is torch.save's as a rule
    ".ckpt": "pickle",  # Lightning's
    ".caffemodel": "caffemodel",
}

# First bytes of what is found under those names.
MAGIC: dict[bytes, str] = {
    b"PK\x03\x04": "pickle",  # torch.save's archive
    b"\x80": "pickle",  # torch.save's before 1.6
    b"<": "a web page or XML",
    b"version https://git-lfs": "a Git LFS pointer, not the file it points to",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy array",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x08\x00\x00\x00TFL": "a TensorFlow Lite file",
}


def require_kind(path: Path) -> Kind:
    """Return what a file holds, after checking that its name and its first bytes agree.

    Raises:
        WeightsError: No such file, an empty file, or one that is really something else, which is named.
    """
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise WeightsError(f"cannot read: {error.strerror}", where=str(path), do="check the path") from error
    if path.suffix not in SUFFIXES:
        raise WeightsError(
            f"no known kind of weights ends in {path.suffix!r}", where=str(path), do=f"known: {', '.join(SUFFIXES)}"
        )
    if not start:
        raise WeightsError("the file is empty", where=str(path), do="fetch it again")
    said, found = SUFFIXES[path.suffix], _sniff(start)
    if found not in (said, "unknown"):
        raise WeightsError(
            f"the name says {said}, but it is {_noun(found)}",
            where=str(path),
            do="rename it" if found in SUFFIXES.values() else "fetch the file itself",
        )
    return said


def _sniff(start: bytes) -> str:
    if len(start) > 8 and start[8:9] == b"{" and not any(start[5:8]):
        return "safetensors"  # a header's length in 8 bytes, then JSON
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), "unknown")


def _noun(found: str) -> str:
    return {"pickle": "a file of torch.save", "safetensors": "a safetensors file"}.get(found, found)
