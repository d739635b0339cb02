"""Small pictures of images, for a page that needs no other file."""

import base64
import io
import math
from collections.abc import Iterator, Sequence

from PIL import Image, ImageOps

from senet.data.images.decode import quiet_pillow
from senet.data.loader.fetch import Fetcher
from senet.data.loader.samples import Samples
from senet.data.transforms.evaluation import centre_crop, resize_short
from senet.errors import DataError
from senet.utils.text import counted

SHORT, QUALITY = 48, 70
LONGEST = 2  # times the short side; a strip is shown by its middle


def make_thumbnails(samples: Samples, wanted: Sequence[int], limit: int) -> dict[int, str]:
    """Return small JPEGs of images as data URIs; those that cannot be read are passed over.

    The short side has 48 pixels; that of a smaller image is enlarged to as many or a few more, by whole numbers and
    unsmoothed, so that its pixels are seen. All of the image is shown, not the crop that a network gets, turned as its
    EXIF data asks: people look at it.

    Args:
        samples: The images.
        wanted: Their numbers, most wanted first; doubles do not count.
        limit: Pictures at the most; :func:`missing_thumbnails_note` says how many that leaves out.

    Returns:
        By number, in the order of `wanted`.
    """
    found: dict[int, str] = {}
    made = _made(samples, wanted)
    while len(found) < limit and (each := next(made, None)):
        number, uri = each
        found[number] = uri
    return found


def missing_thumbnails_note(wanted: Sequence[int], shown: dict[int, str]) -> str:
    """Say of how many wanted images there is no picture; an empty text where there is one of each."""
    missing = len(set(wanted) - shown.keys())
    if not missing:
        return ""
    return f"{counted(len(shown), 'picture')} beside the gates; {counted(missing, 'other image')} by name alone"


def _made(samples: Samples, wanted: Sequence[int]) -> Iterator[tuple[int, str]]:
    fetcher = Fetcher(samples)
    for number in dict.fromkeys(wanted):
        try:
            with quiet_pillow():
                uri = data_uri(fetcher.image(number))
        except DataError:  # counted where it was to be scored
            continue
        yield number, uri


def data_uri(image: Image.Image) -> str:
    """Return a small JPEG of an image in RGB as a data URI."""
    file = io.BytesIO()
    _small(_turned(image)).save(file, "jpeg", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF data is as hostile as pixels, which are whole
        return image


def _small(image: Image.Image) -> Image.Image:
    short = min(image.size)
    height, width = (min(side, LONGEST * short) for side in (image.height, image.width))
    middle = centre_crop(image, (height, width))
    if short >= SHORT:
        return resize_short(middle, SHORT)
    return resize_short(middle, short * math.ceil(SHORT / short), "nearest")
