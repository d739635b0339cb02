"""The sizes of a split's images by their headers, counted once and kept; the size that training takes of them."""

import hashlib
import io
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from senet.data.hashing import cache_folder
from senet.data.images.decode import quiet_pillow
from senet.data.loader.samples import Samples
from senet.errors import SenetError
from senet.utils.files import write_text
from senet.utils.text import printable

logger = logging.getLogger("senet")
Size = tuple[int, int]  # width and height
HEAD = 4096  # bytes; of few files does the header lie further back, and they are read whole
RUN = 256  # headers that a thread reads in one go: a task for each would take longer than the reading
THREADS = 8  # they wait for a disk or a network; the reading itself is one core's
VERSION = 1


def count_sizes(samples: Samples, enough: Callable[[Counter[Size]], bool]) -> Counter[Size]:
    """Count sizes; images whose header cannot be read count for nothing: whoever reads their pixels names them.

    Args:
        samples: The images of a split.
        enough: Whether what was counted so far decides; then the rest is not read.
    """
    stamp = _stamp(samples)
    kept = cache_folder() / f"sizes-{stamp[:16]}.json"
    if (known := _read(kept, stamp)) is not None:
        return known
    found: Counter[Size] = Counter()
    for sizes in _runs(samples):
        found.update(size for size in sizes if size)
        if enough(found):
            break
    _write(kept, stamp, found)
    return found


def header_size(samples: Samples, index: int) -> Size | None:
    """Return the width and height that a header states; None where it cannot be read."""
    return _size(lambda: samples.head(index, HEAD)) or _size(lambda: samples.read(index))


def _size(read: Callable[[], bytes]) -> Size | None:
    try:
        with Image.open(io.BytesIO(read())) as image:
            return image.size
    except Exception:  # a decoder of hostile bytes may raise anything
        return None


def _runs(samples: Samples) -> Iterator[list[Size | None]]:
    def run(first: int) -> list[Size | None]:
        return [header_size(samples, index) for index in range(first, min(first + RUN, len(samples)))]

    # Of shards one after the other is the fastest, and Parquet keeps the row group that was read last.
    threads = THREADS if samples.blocks is None else 1
    with quiet_pillow(), ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(samples), RUN * threads):
            yield from pool.map(run, range(first, min(first + RUN * threads, len(samples)), RUN))


def _stamp(samples: Samples) -> str:
    """Return a digest of the files that hold the images, and of which of their images are meant."""
    digest = hashlib.sha256(f"{VERSION} {len(samples)} ".encode())
    for path in samples.files:
        digest.update(os.fsencode(path) + _status(path))
    if samples.blocks is not None:
        digest.update(samples.blocks.tobytes())
    return digest.hexdigest()


def _status(path: Path) -> bytes:
    try:
        status = path.stat()
    except OSError:
        return b"gone"
    return f"{status.st_size} {status.st_mtime_ns}".encode()


def _read(kept: Path, stamp: str) -> Counter[Size] | None:
    try:
        said = json.loads(kept.read_text(encoding="utf-8"))
        rows = [(int(width), int(height), int(number)) for width, height, number in said["sizes"]]
        return Counter({row[:2]: row[2] for row in rows}) if said["stamp"] == stamp else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s is broken (%s): headers are read again", kept, printable(error))
        return None


def _write(kept: Path, stamp: str, found: Counter[Size]) -> None:
    rows = sorted((*size, number) for size, number in found.items())
    try:
        write_text(kept, json.dumps({"stamp": stamp, "sizes": rows}))
    except SenetError as error:
        logger.warning("the sizes of the images are not kept: %s", error.what)


SIDE = 64  # larger images are photographs, of many sizes, and most networks for them take 224 x 224


@dataclass(frozen=True)
class ImageSizes:
    """What the headers of a source's images say, before any share of a split is taken.

    Args:
        size: Height and width of more than half of the training images, if neither is above :data:`SIDE`; None where
            they have no such size.
        images: Of all splits; 0 where there is no such size.
        resized: Of these, images of another size.
        why: Why there is no such size, as the end of a sentence; empty where there is one.
    """

    size: tuple[int, int] | None = None
    images: int = 0
    resized: int = 0
    why: str = ""

    def __str__(self) -> str:
        if self.size is None:
            return f"images {self.why}"
        alike = self.images - self.resized
        verb = "is" if self.resized == 1 else "are"
        of = f"{alike:,} of {self.images:,}; {self.resized:,} {verb} resized" if self.resized else f"all {alike:,}"
        return f"images are {self.size[1]} x {self.size[0]} ({of})"


def read_image_sizes(splits: Sequence[Samples]) -> ImageSizes:
    """Read the headers of images and say which size most have.

    Grey and colour are one size; EXIF orientation turns nothing, as everywhere; wide and high are two sizes.

    Args:
        splits: The training images first, which decide; then those that are held out.
    """
    train = count_sizes(splits[0], lambda found: 2 * _large(found) >= len(splits[0]))
    images = train.total()
    if 2 * _large(train) >= images:
        return ImageSizes(why=_of_large(train) if images else "have headers that cannot be read")
    most = min(train, key=lambda size: (-train[size], size))
    number = train[most]
    if 2 * number <= images or max(most) > SIDE:
        width, height = most
        frequent = f"the most frequent is {width} x {height} ({number:,} of {images:,})"
        return ImageSizes(why=f"have no size that most of them share; {frequent}")
    counts = [train, *(count_sizes(held, lambda found: False) for held in splits[1:])]
    total, alike = (sum(numbers) for numbers in zip(*((one.total(), one[most]) for one in counts), strict=True))
    return ImageSizes((most[1], most[0]), total, total - alike)


def _large(found: Counter[Size]) -> int:
    return sum(number for size, number in found.items() if max(size) > SIDE)


def _of_large(train: Counter[Size]) -> str:
    if len(train) == 1:
        width, height = next(iter(train))
        return f"are {width} x {height}, larger than {SIDE} x {SIDE}"
    return f"are larger than {SIDE} x {SIDE}, most of them"
