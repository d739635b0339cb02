"""What a worker does: read, decode and transform the images of one batch, into one array of bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from senet.data.images.decode import MAX_PIXELS, has_exif_rotation, open_rgb, quiet_pillow, unreadable_error
from senet.data.loader.samples import Samples
from senet.data.sampling.batch_order import Batching
from senet.data.sampling.seeding import preserve_rng_state, seed_all
from senet.data.transforms.evaluation import InputTransform
from senet.errors import DataError, SenetError
from senet.utils.text import printable

REMEDY = "remove it, or leave it out (--on-error skip); senet data check, with the same --data, lists all such"
OnError = Literal["fail", "skip"]

# The image and the key of its randomness -> (H, W, C) uint8
Render = Callable[[Image.Image, tuple[object, ...]], NDArray[np.uint8]]


@dataclass(frozen=True)
class FetchJob:
    """One batch to fetch.

    Args:
        step: Its number in the epoch, from 0.
        indices: Its images.
        prefix: What the randomness of all its images depends on.
        visits: What the randomness of each depends on beside that.
    """

    step: int
    indices: tuple[int, ...]
    prefix: tuple[object, ...]
    visits: tuple[int, ...]


@dataclass(frozen=True)
class FetchedBatch:
    """One batch, or why there is none.

    Args:
        images: (n, C, H, W) uint8 in channels_last; without those that could not be read.
        kept: Positions in the job of those that could.
        skipped: What to say of the others.
        turned: The first one whose EXIF orientation is ignored, named.
        error: Stops the run. As a value: torch rebuilds what a worker raises from text alone.
    """

    images: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))
    kept: tuple[int, ...] = ()
    skipped: tuple[DataError, ...] = ()
    turned: str = ""
    error: SenetError | None = None


@dataclass(frozen=True)
class TrainTransform:
    """The training transforms, drawn from the sample's own stream.

    Args:
        batching: Has the transforms.
        channels: 1 for luminance, else 3.
    """

    batching: Batching
    channels: int = 3

    def __call__(self, image: Image.Image, key: tuple[object, ...]) -> NDArray[np.uint8]:
        """Transform one image."""
        seed_all(*key)
        image = self.batching.transformed(image)
        return _array(image.convert("L") if self.channels == 1 else image)


@dataclass(frozen=True)
class EvalTransform:
    """The evaluation transform; nothing is random.

    Args:
        transform: Resizes and crops.
    """

    transform: InputTransform

    def __call__(self, image: Image.Image, key: tuple[object, ...]) -> NDArray[np.uint8]:
        """Transform one image."""
        return _array(self.transform.cropped(image))


def _uncropped(image: Image.Image, key: tuple[object, ...]) -> NDArray[np.uint8]:
    return _array(image)


@dataclass(frozen=True, eq=False)
class Fetcher:
    """Fetches batches; the same object in the process itself or in workers.

    Args:
        samples: The split's images.
        render: What becomes of an image.
        on_error: Whether an image that cannot be read stops the run or is left out.
        max_pixels: Larger images are refused before they are decoded; Pillow's own limit holds too.
    """

    samples: Samples
    render: Render = _uncropped
    on_error: OnError = "fail"
    max_pixels: int = MAX_PIXELS

    def __getitem__(self, job: FetchJob) -> FetchedBatch:
        try:
            with quiet_pillow(), preserve_rng_state():
                return self._fetched(job)
        except SenetError as error:
            return FetchedBatch(error=error)

    def _fetched(self, job: FetchJob) -> FetchedBatch:
        batch: NDArray[np.uint8] | None = None
        kept: list[int] = []
        skipped: list[DataError] = []
        first_turned = ""
        for position, (index, visit) in enumerate(zip(job.indices, job.visits, strict=True)):
            try:
                image = self.image(index)
                pixels = self.render(image, (*job.prefix, visit))
            except DataError as error:
                if self.on_error == "fail":
                    raise
                skipped.append(error)
                continue
            batch = np.empty((len(job.indices), *pixels.shape), np.uint8) if batch is None else batch
            batch[len(kept)] = self._fitting(pixels, batch, index)
            kept.append(position)
            first_turned = first_turned or (self.named(index) if has_exif_rotation(image) else "")
        images = (
            torch.from_numpy(batch[: len(kept)]).permute(0, 3, 1, 2) if batch is not None else FetchedBatch().images
        )
        return FetchedBatch(images, tuple(kept), tuple(skipped), first_turned)

    def image(self, index: int) -> Image.Image:
        """Read one image as RGB.

        Raises:
            DataError: It cannot be read; names the file and the sample.
        """
        data = b""
        try:
            data = self.samples.read(index)
            return open_rgb(data, self.max_pixels)
        except DataError:
            raise
        except Exception as error:  # a decoder of hostile bytes may raise anything
            raise unreadable_error(error, data, self.named(index), REMEDY) from error

    def named(self, index: int) -> str:
        """Name an image in a message."""
        return f"{printable(self.samples.name(index))} (sample {index})"

    def _fitting(self, pixels: NDArray[np.uint8], batch: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        if pixels.shape != batch.shape[1:]:
            raise DataError(
                f"the transforms made {pixels.shape[1]} x {pixels.shape[0]} pixels of one image and "
                f"{batch.shape[2]} x {batch.shape[1]} of another",
                where=self.named(index),
                do="end them with a crop to one size",
            )
        return pixels


def _array(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
