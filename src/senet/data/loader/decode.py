"""A divided source decoded into memory, once; and whether its images are such that this pays."""

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from senet.data.images.decode import has_exif_rotation, quiet_pillow, warn_exif_ignored
from senet.data.images.sizes import read_image_sizes
from senet.data.loader.array_samples import ArraySamples
from senet.data.loader.dataset import Dataset, Split, channel_statistics, default_augmentation
from senet.data.loader.fetch import Fetcher, OnError
from senet.data.loader.samples import LabelledSamples
from senet.data.sampling.split import DataSplits, divided
from senet.data.sources.open_data import DataConfig, open_data, read_source
from senet.data.transforms.evaluation import InputTransform, to_tensor
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings, with_channels
from senet.data.unused import Unread
from senet.errors import DataError, UsageError
from senet.utils.text import printable

logger = logging.getLogger("senet")
BYTES = 2**31
Fit = Callable[[Image.Image], Image.Image]


def load(settings: DataConfig) -> Dataset:
    """Read, divide and describe a data set; folders and shards are decoded into memory.

    Images that are not of the size that most have are brought to it.

    Raises:
        UsageError: An unknown source or an impossible setting.
        DataError: The data is missing or unreadable, or its images are of several sizes, of which none is small and
            most images', and ``image_size`` is None.
    """
    data = divided(open_data(settings), train_fraction=settings.train_fraction)
    named, side = read_source(settings.source).kind == "named", settings.image_size
    sizes = None if named or side is not None else settings.sizes or read_image_sizes(data.listed)
    size = sizes.size if sizes else side and (side, side)
    return replace(decoded(data, size, given=settings.input), sizes=sizes)


def decoded(
    data: DataSplits,
    size: int | tuple[int, int] | None = None,
    on_error: OnError = "fail",
    given: InputSettings = NO_INPUT_SETTINGS,
) -> Dataset:
    """Decode a divided source.

    Args:
        data: The source.
        size: Bring the images to this height and width; None where they have one size already.
        on_error: What to do with an image that cannot be read.
        given: What is said of the network's input over what the data is.

    Raises:
        DataError: An image that cannot be read, or of another size than the first.
        UsageError: Another number of means or deviations than channels.
    """
    fit = resize_function(size, given)
    parts = {"train": data.train, "val": data.validation, "test": data.test}
    found = {name: _split(files, fit, on_error, given) for name, files in parts.items()}
    train, validation, test = (split for split, _ in found.values())
    unread: Unread = {name: lost for name, (_, lost) in found.items() if lost}
    mean, std = channel_statistics(train.images)
    height, width = train.images.shape[2:]
    said = given.over(InputTransform((height, width), min(height, width), mean, std))
    return Dataset(
        name=data.source.name,
        classes=data.classes,
        train=train,
        validation=validation,
        test=test,
        augmentation=data.source.augmentation or default_augmentation((height, width)),
        mean=said.mean,
        std=said.std,
        unused=data.unused,
        unread=unread,
        given=given,
    )


def resize_function(size: int | tuple[int, int] | None, given: InputSettings = NO_INPUT_SETTINGS) -> Fit:
    """Return what is done to an image once and for all, as weights' input transform does it to others."""
    if size is None:
        for flag in ("interpolation", "crop_pct"):
            if getattr(given, flag) is not None:
                raise UsageError(
                    f"{flag} is of images that are resized, and no size is named",
                    do="pass image_size=N (--image-size N)",
                )
        return lambda image: image.convert("L") if given.in_channels == 1 else image
    height, width = (size, size) if isinstance(size, int) else size
    plain_ones = (0.0,) * 3, (1.0,) * 3  # pixels stay bytes
    transform = InputTransform((height, width), min(height, width), *plain_ones)
    return replace(given, mean=None, std=None).over(transform).cropped


def _split(files: LabelledSamples, fit: Fit, on_error: OnError, given: InputSettings) -> tuple[Split, list[str]]:
    """Decode a split; name what could not be read of it."""
    if isinstance(files.samples, ArraySamples):
        images = with_channels(files.samples.images, given.in_channels)
        return Split(images, files.labels, files.samples.name), []
    with quiet_pillow(), ThreadPoolExecutor() as pool:
        found = list(pool.map(partial(decode_pixels, Fetcher(files.samples), fit, on_error), range(len(files))))
    kept = [i for i, image in enumerate(found) if image is not None]
    decoded = [image for image in found if image is not None]
    lost = [Fetcher(files.samples).named(i) for i, image in enumerate(found) if image is None]
    if not decoded:
        raise DataError(f"none of the {len(files):,} images can be read", do="run senet data check")
    for i, image in zip(kept, decoded, strict=True):
        if image.shape != decoded[0].shape:
            names = [printable(files.samples.name(at)) for at in (kept[0], i)]
            said = f"images differ in size: {_size(decoded[0])} in {names[0]}, {_size(image)} in {names[1]}"
            raise DataError(said, where=names[1], do="pass --image-size N to bring all to N x N pixels")
    return Split(torch.stack(decoded), files.labels[kept], files.samples.subset(kept).name), lost


def decode_pixels(fetcher: Fetcher, fit: Fit, on_error: OnError, index: int) -> Tensor | None:
    """Decode an image, (C, H, W) uint8.

    Args:
        fetcher: Reads it.
        fit: Brings it to its size.
        on_error: Whether an image that cannot be read stops the run.
        index: Its number.

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
    if has_exif_rotation(image):
        warn_exif_ignored(fetcher.named(index))
    return to_tensor(fit(image))


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"


def fits_in_memory(data: DataSplits, size: tuple[int, int]) -> bool:
    """Return whether all images of a source are few enough to be kept decoded.

    Args:
        data: The source.
        size: Height and width that they are brought to.
    """
    count = sum(map(len, (data.train, data.validation, data.test)))
    return count * math.prod(size) * 3 <= BYTES
