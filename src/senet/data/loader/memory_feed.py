"""A data set in memory as a feed: whole batches are cropped and flipped, a function of (seed, epoch, sample)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from senet.data.images.sizes import ImageSizes
from senet.data.loader.dataset import Augmentation, Dataset, Split
from senet.data.loader.feed import Batch
from senet.data.sampling.batch_order import Batching, batch_indices, num_batches, visit_keys
from senet.data.sampling.rank_share import SINGLE_RANK, Share
from senet.data.sampling.seeding import generator, preserve_rng_state, seed_all
from senet.data.transforms.evaluation import InputTransform, to_image, to_tensor
from senet.data.transforms.input_settings import InputSettings
from senet.data.unused import Unread, Unused
from senet.errors import DataError


@dataclass(frozen=True)
class MemorySplit:
    """A held-out split in memory, or a rank's share of it: the ranks' batches together have every image once.

    Args:
        name: For messages.
        split: The images.
        batch_size: Images a batch.
        share: Which batches this process takes.
    """

    name: str
    split: Split
    batch_size: int = 500
    share: Share = SINGLE_RANK

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Batch]:
        for first in self._numbers[:: self.batch_size]:
            part = slice(first, first + self.batch_size)
            yield self.split.images[part], self.split.labels[part]

    @property
    def _numbers(self) -> range:
        return self.share.scored(len(self.split), self.batch_size)

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        first = step * self.batch_size
        name = self.split.name or (lambda i: f"{self.name} image {i}")
        return tuple(map(name, self._numbers[first : first + self.batch_size]))


@dataclass(frozen=True)
class MemoryFeed:
    """A data set in memory.

    Args:
        data: What to train on and to score.
        batching: How to train on it; its transforms come after crop and flip, and keep the image's size.
        augmentation: Crop and flip; None for what suits the data.
        share: The part of every training batch, and the batches of every held-out split, that this process takes.
        scaling: How weights want the images scaled; None for the data's own mean and deviation.
    """

    data: Dataset
    batching: Batching
    augmentation: Augmentation | None = None
    share: Share = SINGLE_RANK
    scaling: InputTransform | None = None

    def __post_init__(self) -> None:
        self.share.require_two_each(len(self.data.train), self.batching.batch_size)

    @property
    def name(self) -> str:
        """The source."""
        return self.data.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""
        return self.data.classes

    @cached_property
    def transform(self) -> InputTransform:
        """Images have their size already."""
        data = self.data
        return self.scaling or data.given.over(InputTransform(data.size, min(data.size), data.mean, data.std))

    @property
    def given(self) -> InputSettings:
        """What is said of the input."""
        return self.data.given

    @property
    def sizes(self) -> ImageSizes | None:
        """What the headers of image files said."""
        return self.data.sizes

    @property
    def unused(self) -> tuple[Unused, ...]:
        """What the source has beside these images."""
        return self.data.unused

    def unread(self) -> Unread:
        """Return the images that could not be decoded."""
        return self.data.unread

    @property
    def train(self) -> Split:
        """Images to train on."""
        return self.data.train

    def rescaled(self, transform: InputTransform) -> "MemoryFeed":
        """Return the same batches under another normalisation."""
        return replace(self, scaling=transform)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return num_batches(len(self.data.train), self.batching.batch_size)

    @property
    def validation(self) -> MemorySplit:
        """Chooses what is saved as best."""
        return MemorySplit("validation", self.data.validation, share=self.share)

    @property
    def test(self) -> MemorySplit:
        """Is scored once."""
        return MemorySplit("test", self.data.test, share=self.share)

    def fingerprint(self) -> str:
        """Return the SHA-256 of all splits."""
        return self.data.fingerprint()

    def train_batches(self, seed: int, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield one epoch's batches from a step on."""
        split, augmentation = self.data.train, self.augmentation or self.data.augmentation
        order = self.batching.order(split.labels, seed, epoch)
        keys = visit_keys(order)
        rows = (int(keys.max()) // len(split) + 1) * len(split)
        offsets, flips = draw_crops_and_flips(rows, augmentation, generator(seed, "augmentation", epoch))
        parts = (batch_indices(numbers, self.batching.batch_size)[first_step:] for numbers in (order, keys))
        for whole in zip(*parts, strict=True):
            index, key = map(self.share.of, whole)
            images = crop_and_flip(split.images[index], offsets[key], flips[key], augmentation.padding)
            yield self._transformed(images, key, seed, epoch), split.labels[index]

    def _transformed(self, images: Tensor, keys: Tensor, seed: int, epoch: int) -> Tensor:
        if not self.batching.transforms:
            return images
        pairs = zip(images, keys.tolist(), strict=True)
        with preserve_rng_state():
            return torch.stack([_apply(self.batching, image, (seed, "transforms", epoch, key)) for image, key in pairs])

    def sample_ids(self, seed: int, epoch: int, step: int) -> tuple[str, ...]:
        """Name the training images of one step."""
        order = self.batching.order(self.data.train.labels, seed, epoch)
        index = self.share.of(batch_indices(order, self.batching.batch_size)[step])
        return tuple(map(self.data.train.name or (lambda i: f"training image {i}"), index.tolist()))


def _apply(batching: Batching, pixels: Tensor, key: tuple[object, ...]) -> Tensor:
    image = to_image(pixels)
    seed_all(*key)
    out = to_tensor(batching.transformed(image))
    if out.shape != pixels.shape:
        raise DataError(f"a transform made {tuple(out.shape)} of an image of {tuple(pixels.shape)}")
    return out


def draw_crops_and_flips(count: int, augmentation: Augmentation, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw each sample's crop offset, (count, 2) in 0..2 * padding, and flip, (count,) bool."""
    offsets = torch.randint(0, 2 * augmentation.padding + 1, (count, 2), generator=source)
    flips = torch.rand(count, generator=source) < (0.5 if augmentation.flip else 0.0)
    return offsets, flips


def crop_and_flip(images: Tensor, offsets: Tensor, flips: Tensor, padding: int) -> Tensor:
    """Cut a window of the image's own size out of the zero-padded image, each sample at its own offset.

    Args:
        images: (B, C, H, W).
        offsets: (B, 2), top and left of the window in the padded image.
        flips: (B,) bool, mirrors the window.
        padding: Pixels on every side.
    """
    batch, channels, height, width = images.shape
    rows = offsets[:, 0, None] + torch.arange(height)  # (B, H)
    columns = torch.arange(width).expand(batch, width)
    columns = offsets[:, 1, None] + torch.where(flips[:, None], columns.flip(1), columns)  # (B, W)
    padded = F.pad(images, (padding,) * 4)
    cut = padded.gather(2, rows[:, None, :, None].expand(batch, channels, height, padded.shape[3]))
    return cut.gather(3, columns[:, None, None, :].expand(batch, channels, height, width))
