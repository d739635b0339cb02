"""Why an image cannot be read, in words of the file and not of the decoder."""

import errno
import os
from dataclasses import dataclass
from typing import Literal

from PIL import Image, UnidentifiedImageError

from senet.errors import DataError
from senet.utils.text import printable

Kind = Literal["missing", "unreadable", "empty", "not-an-image", "bomb", "truncated", "broken", "no-image"]

# What turns up under an image's name, by its first bytes.
FOREIGN = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "XML",
    b"<svg": "SVG",
    b"%pdf": "a PDF document",
    b"pk\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"{": "JSON",
    b"version https://git-lfs": "a Git LFS pointer; run git lfs pull",
}
CUT = ("truncated", "unexpected end", "not enough image data")


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with an image file.

    Args:
        kind: For counting.
        text: For reading.
    """

    kind: Kind
    text: str


def diagnose(error: Exception, data: bytes) -> Diagnosis:
    """Turn what reading or decoding raised into words.

    Args:
        error: What was raised.
        data: The file's bytes, as far as they were read.
    """
    if isinstance(error, DataError):
        return Diagnosis("no-image", error.what)
    if isinstance(error, Image.DecompressionBombError):
        return Diagnosis("bomb", printable(error))
    if isinstance(error, UnidentifiedImageError) or (not data and not isinstance(error, OSError)):
        return _unidentified(data)
    if isinstance(error, OSError) and error.errno is not None:
        return _system(error)
    if any(word in str(error).lower() for word in CUT):
        return Diagnosis("truncated", f"cannot read the image: truncated after {len(data):,} bytes")
    return Diagnosis("broken", f"cannot read the image: {printable(error) or type(error).__name__}")


def _unidentified(data: bytes) -> Diagnosis:
    if not data:
        return Diagnosis("empty", "the file is empty, not an image")
    head = data[:512].lstrip().lower()
    for start, name in FOREIGN.items():
        if head.startswith(start):
            return Diagnosis("not-an-image", f"not an image but {name}")
    text = "but text" if _is_text(data[:512]) else "that Pillow can read"
    return Diagnosis("not-an-image", f"not an image {text}")


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)


def _system(error: OSError) -> Diagnosis:
    if error.errno == errno.ENOENT:
        return Diagnosis("missing", "no such image: the file is gone, or a link leads nowhere")
    reason = os.strerror(error.errno or 0)
    return Diagnosis("unreadable", f"cannot read the image: {reason}")
