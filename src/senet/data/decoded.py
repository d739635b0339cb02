"""A divided source decoded into memory, once; and whether its images are such that this pays."""

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from senet.data.dataset import Augmentation, Dataset, Split, channel_statistics
from senet.data.fetch import Fetcher, OnError
from senet.data.images import quiet, say_turned, turned
from senet.data.samples import ArraySamples, Files
from senet.data.sources import DataSettings, open_data
from senet.data.split import Divided, divided
from senet.data.transform import centre_crop, resize_short, to_tensor
from senet.errors import DataError
from senet.text import plain

logger = logging.getLogger("senet")
SIDE = 64  # larger images are decoded as they go: most are photographs, of many sizes
BYTES = 2**31
LOOKED_AT = 200


def load(settings: DataSettings) -> Dataset:
    """Read, divide and describe a data set; folders and shards are decoded into memory.

    Raises:
        UsageError: An unknown source or an impossible setting.
        DataError: The data is missing or unreadable, or its images are of several sizes and ``image_size`` is None.
    """
    return decoded(divided(open_data(settings), train_fraction=settings.train_fraction), settings.image_size)


def decoded(data: Divided, size: int | None = None, on_error: OnError = "fail") -> Dataset:
    """Decode a divided source.

    Args:
        data: The source.
        size: Bring the images to this square size; None where they have one size already.
        on_error: What to do with an image that cannot be read.

    Raises:
        DataError: An image that cannot be read, or of another size than the first.
    """
    train, validation, test = (_split(files, size, on_error) for files in (data.train, data.validation, data.test))
    mean, std = channel_statistics(train.images)
    suits = data.source.augmentation or Augmentation(max(train.images.shape[-1] // 8, 1), flip=True)
    return Dataset(data.source.name, data.classes, train, validation, test, suits, mean, std)


def _split(files: Files, size: int | None, on_error: OnError) -> Split:
    if isinstance(files.samples, ArraySamples):
        return Split(files.samples.images, files.labels)
    with quiet(), ThreadPoolExecutor() as pool:
        found = list(pool.map(partial(pixels, Fetcher(files.samples), size, on_error), range(len(files))))
    kept = [i for i, image in enumerate(found) if image is not None]
    images = [image for image in found if image is not None]
    if not images:
        raise DataError(f"none of the {len(files):,} images can be read", do="run senet data check")
    for i, image in zip(kept, images, strict=True):
        if image.shape != images[0].shape:
            names = [plain(files.samples.name(at)) for at in (kept[0], i)]
            said = f"images differ in size: {_size(images[0])} in {names[0]}, {_size(image)} in {names[1]}"
            raise DataError(said, where=names[1], do="pass --image-size N to bring all to N x N pixels")
    return Split(torch.stack(images), files.labels[kept])


def pixels(fetcher: Fetcher, size: int | None, on_error: OnError, index: int) -> Tensor | None:
    """Decode an image, (3, H, W) uint8; its short side is brought to ``size`` and the centre cropped to a square.

    Raises:
        DataError: It cannot be read and ``on_error`` is ``fail``; else None is returned, and that is logged.
    """
    try:
        image = fetcher.image(index)
    except DataError as error:
        if on_error == "fail":
            raise
        logger.warning("left out: %s: %s", error.where, error.what)
        return None
    if turned(image):
        say_turned(fetcher.named(index))
    if size is not None:
        image = centre_crop(resize_short(image, size), (size, size))  # as weights' input transform does
    return to_tensor(image)


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"


def fits_in_memory(data: Divided, size: int | None = None) -> bool:
    """Return whether all images of a source are few enough to be kept decoded.

    Args:
        data: The source; the headers of some images are read.
        size: Square size that they are brought to; None: they must be small and of one size.
    """
    parts = (data.train, data.validation, data.test)
    count = sum(map(len, parts))
    if size is not None:
        return count * size * size * 3 <= BYTES
    sizes = {_header(part, i) for part in parts for i in range(0, len(part), max(count // LOOKED_AT, 1))}
    if len(sizes) != 1 or None in sizes:
        return False
    (width, height), *_ = [found for found in sizes if found]
    return max(width, height) <= SIDE and count * width * height * 3 <= BYTES


def _header(files: Files, index: int) -> tuple[int, int] | None:
    try:
        with quiet(), Image.open(io.BytesIO(files.samples.read(index))) as image:
            return image.size
    except Exception:  # a decoder of hostile bytes may raise anything; whoever reads the pixels names the file
        return None
