"""Look at one image as training would read it: can it be read, what is odd about it, what does it look like."""

import hashlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from PIL import Image

from senet.data.images.decode import MAX_PIXELS, exif_orientation, open_rgb
from senet.data.images.diagnosis import Diagnosis, diagnose
from senet.utils.text import printable

PLAIN_MODES = ("RGB", "L")
FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP",
    ".ppm": "PPM", ".pgm": "PPM", ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF",
}  # fmt: skip
ALIKE = 2  # levels of 255, which JPEG may add to one colour
THUMBNAIL = 8  # pixels a side


@dataclass(frozen=True)
class ImageInspection:
    """What is in an image file.

    Args:
        digest: SHA-256 of the bytes.
        thumbnail: 8 x 8 RGB pixels, each the mean of its part; empty if the image cannot be read.
        problem: Why it cannot be read.
        oddities: (kind, detail) of what is unusual and does not matter.
        size: (width, height); of an image that cannot be read (0, 0).
    """

    digest: str
    thumbnail: bytes
    problem: Diagnosis | None
    oddities: tuple[tuple[str, str], ...]
    size: tuple[int, int] = (0, 0)


def inspect_image(read: Callable[[], bytes], suffix: str, max_pixels: int = MAX_PIXELS) -> ImageInspection:
    """Read and decode one image, wherever it lies.

    Args:
        read: Returns the bytes.
        suffix: What its name ends in; empty where it has no name.
        max_pixels: The limit.
    """
    data, size = b"", (0, 0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            data = read()
            image = open_rgb(data, max_pixels)
            thumbnail = image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX).tobytes()
            problem, odd = None, [*_header(data, suffix), *(("decoder", _first_line(w.message)) for w in said)]
            size, odd = image.size, [*odd, *_blank(image)]
        except Exception as error:  # a decoder of hostile bytes may raise anything
            thumbnail, problem, odd = b"", diagnose(error, data), []
    return ImageInspection(hashlib.sha256(data).hexdigest() if data else "", thumbnail, problem, tuple(odd), size)


def _blank(image: Image.Image) -> list[tuple[str, str]]:
    extrema = cast(tuple[tuple[int, int], ...], image.getextrema())  # of RGB: a pair for each channel
    alike = all(most - least <= ALIKE for least, most in extrema)
    return [("blank", "every pixel of one colour")] if alike else []


def _header(data: bytes, suffix: str) -> list[tuple[str, str]]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return [*_form(image, suffix), *_orientation(image)]
    except Exception as error:  # the pixels were read without the chunk that fails here
        return [("metadata", f"text, profile or EXIF data left out: {_first_line(error)}")]


def _form(image: Image.Image, suffix: str) -> list[tuple[str, str]]:
    odd = []
    if image.mode not in PLAIN_MODES:
        odd.append(("mode", f"{image.mode} becomes RGB"))
    if (frames := getattr(image, "n_frames", 1)) > 1 and image.format != "MPO":
        odd.append(("frames", f"{frames} frames or pages; the first counts"))
    expected = FORMATS.get(suffix.lower(), image.format)
    if expected != image.format and (expected, image.format) != ("JPEG", "MPO"):
        odd.append(("format", f"{image.format} under the name {suffix}"))
    return odd


def _orientation(image: Image.Image) -> list[tuple[str, str]]:
    try:
        asked = exif_orientation(image)
    except Exception as error:  # EXIF data is as hostile as pixels
        return [("metadata", f"broken EXIF data: {_first_line(error)}")]
    return [("orientation", f"EXIF orientation {asked} is ignored")] if asked != 1 else []


def _first_line(message: object) -> str:
    return printable((str(message) or type(message).__name__).splitlines()[0])
