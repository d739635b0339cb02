"""One image file to pixels: RGB, 8 bits, by stated rules, or an error that names the file.

The rules hold everywhere, in training, evaluation and prediction:

- Palette, grey, CMYK, 1-bit and transparent images become RGB as Pillow does it; transparency is dropped.
- 16-bit grey keeps its upper 8 bits; it is never clipped. Floating-point images are refused: their range is unknown.
- Of an animation or a file of several pages, the first counts.
- The orientation that EXIF asks for is ignored, as torchvision's ImageFolder ignores it.
- Colour profiles are ignored. Broken EXIF data, profiles and text chunks do not matter where the pixels are whole.
"""

import contextlib
import errno
import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from senet.data.images.diagnosis import diagnose
from senet.errors import DataError

# What Pillow reads without another program (.eps runs Ghostscript) and what data sets are made of.
EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp", ".avif", ".jp2", ".j2k",
    ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".tga", ".gif",
)  # fmt: skip
# Images all the same, in formats that Pillow does not read, or only with a package or program of their own.
UNSUPPORTED_EXTENSIONS = (
    ".heic", ".heif", ".hif", ".jxl", ".jxr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raw", ".rw2", ".svg",
    ".eps", ".psd", ".exr", ".hdr", ".pfm", ".dcm", ".nii",
)  # fmt: skip
# Where Pillow itself refuses; photos of 96 megapixels pass.
MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)
# A network file system may lose a file for a moment.
TRANSIENT_ERRORS = {errno.ENOENT, errno.EIO, errno.ESTALE}
RETRIES, PAUSE = 3, 0.05  # seconds
WARNED: set[str] = set()  # the image by which the orientation was said to be ignored
logger = logging.getLogger("senet")


def read_file(path: Path) -> bytes:
    """Return a file's bytes; a file that is gone or failing is tried three times more.

    Raises:
        OSError: It stays so.
    """
    return _patiently(path.read_bytes)


def read_file_part(path: Path, start: int, size: int) -> bytes:
    """Return ``size`` bytes of a file from ``start`` on, fewer where it ends before."""
    return _patiently(partial(_part, path, start, size))


def _patiently(attempt: Callable[[], bytes]) -> bytes:
    for wait in range(RETRIES):
        try:
            return attempt()
        except OSError as error:
            if error.errno not in TRANSIENT_ERRORS:
                raise
            time.sleep(PAUSE * 2**wait)
    return attempt()


def _part(path: Path, start: int, size: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        return file.read(size)


def open_rgb(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode the bytes of an image file to RGB; the pixel limit is checked in the header, before decoding.

    Raises:
        Exception: Whatever Pillow raises for broken bytes; :func:`unreadable_error` makes sense of it.
    """
    try:
        return _decoded(data, max_pixels)
    except ValueError:
        bare = strip_png_metadata(data)
        if bare is None:
            raise
        return _decoded(bare, max_pixels)


def _decoded(data: bytes, max_pixels: int) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        if image.width * image.height > max_pixels:
            raise Image.DecompressionBombError(
                f"{image.width} x {image.height} pixels: more than the limit of {max_pixels:,}; "
                "possibly a decompression bomb"
            )
        if image.mode == "RGB":
            image.load()
            return image  # convert() would copy it
        return _eight_bits(image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels: their range is unknown")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))


def exif_orientation(image: Image.Image) -> int:
    """Return the turn that EXIF data asks for, 2 to 8, which no image gets; 1 where it asks for none that exists.

    Raises:
        Exception: The data is broken; its reader may raise anything.
    """
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(2, 9) else 1


def has_exif_rotation(image: Image.Image) -> bool:
    """Whether EXIF data asks for a turn."""
    try:
        return exif_orientation(image) != 1
    except Exception:  # broken EXIF data turns nothing, and the pixels are whole; the check reports it
        return False


def warn_exif_ignored(first: str) -> None:
    """Warn, once a process, of images that are not turned.

    Args:
        first: Names one.
    """
    if not WARNED:
        WARNED.add(first)
        logger.warning("%s and others: EXIF orientation is ignored, in training and wherever weights are used", first)


def unreadable_error(error: Exception, data: bytes, where: str, do: str = "repair or remove the file") -> DataError:
    """Return what to tell the user of an image that :func:`read_file` or :func:`open_rgb` failed on."""
    return DataError(diagnose(error, data).text, where=where, do=do)


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Silence what Pillow says of odd but readable files; ``senet data check`` lists it.

    Not within threads: the filters of Python's warnings belong to the process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Critical chunks, and the one that carries transparency.
NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")


def strip_png_metadata(data: bytes) -> bytes | None:
    """Return a PNG file without its text, profile and EXIF chunks; None if it is no PNG or has none of them.

    Pillow refuses a file for a text chunk that unpacks to megabytes, although the pixels are whole.
    """
    if not data.startswith(SIGNATURE):
        return None
    bare = SIGNATURE + b"".join(chunk for chunk in _chunks(data) if chunk[4:8] in NEEDED)
    return bare if len(bare) < len(data) else None


def _chunks(data: bytes) -> Iterator[bytes]:
    start = len(SIGNATURE)
    while start < len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")  # length, kind, content, checksum
        yield data[start:end]
        start = end
