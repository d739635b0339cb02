"""What a training loop needs of data, whether it lies in memory or is decoded as it goes."""

from collections.abc import Iterator, Sized
from typing import Protocol

from torch import Tensor

from senet.data.images.sizes import ImageSizes
from senet.data.transforms.evaluation import InputTransform
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings
from senet.data.unused import Unread, Unused

# Images (B, C, H, W) uint8; targets (B,) int64 classes.
Batch = tuple[Tensor, Tensor]


class HeldOut(Protocol):
    """A split that is scored: every image once, in a fixed order, never augmented, never replaced.

    ``len()`` is the number of images that the split holds. The batches hold fewer only where images cannot be
    read and the feed was told to skip them: a score states both numbers.
    """

    def __len__(self) -> int:
        """Return the number of images, readable or not."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield images (B, C, H, W) uint8 and classes (B,) int64."""

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of the batch number ``step``, from 0, for an error message."""


def named_batches(split: HeldOut) -> Iterator[tuple[Batch, tuple[str, ...]]]:
    """Yield the batches of a split, and what each of their images is called.

    A split that leaves images out says it in ``named()``, which yields the same. Of one without, a batch that has
    not as many images as names has no names: nobody could tell which are missing.
    """
    if hasattr(split, "named"):
        yield from split.named()
        return
    for step, batch in enumerate(split):
        names, images = split.sample_ids(step), len(batch[1])
        yield batch, names if len(names) == images else ("",) * images


class Feed(Protocol):
    """A data set that yields batches.

    Everything random is a function of (seed, epoch, sample): neither the number of workers nor the step at
    which an epoch is entered changes a pixel, so ``(epoch, step)`` is all that a checkpoint has to keep.
    """

    @property
    def name(self) -> str:
        """The source, as the user wrote it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels; with :attr:`transform`, what has to travel with the weights."""

    @property
    def transform(self) -> InputTransform:
        """How an image becomes the network's input in evaluation; ``transform.normalise`` suits training batches too.

        Batches are uint8 and go to the device as they are; ``normalise`` makes them float32 there.
        """

    @property
    def train(self) -> Sized:
        """The training images; all of them, whatever part of every batch this process takes."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch, the same in every epoch."""

    @property
    def validation(self) -> HeldOut:
        """Chooses what is saved as best; never reported as the score."""

    @property
    def test(self) -> HeldOut:
        """Is scored once, at the end; the same images as ``validation`` where the source has no others."""

    def rescaled(self, transform: InputTransform) -> "Feed":
        """Return the same batches under another mean, deviation, range and order of channels.

        Args:
            transform: This feed's, but for these.
        """

    def fingerprint(self) -> str:
        """Return a SHA-256 that changes when an image is added, removed, renamed or changed."""

    def train_batches(self, seed: int, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield the training batches of one epoch from step ``first_step`` on (0 is the epoch's first).

        No batch holds a single image unless the whole split does: batch norm cannot train on one value.
        """

    def sample_ids(self, seed: int, epoch: int, step: int) -> tuple[str, ...]:
        """Name the training images of one step, for an error message."""


def input_settings_of(feed: Feed) -> InputSettings:
    """Return what a user says of the input; nothing, for a feed of one's own that has no ``given``.

    The feed's transform follows it, and so it does where weights rescale it.
    """
    given: InputSettings = getattr(feed, "given", NO_INPUT_SETTINGS)
    return given


def sizes_in(feed: Feed) -> ImageSizes | None:
    """Return what the headers of image files said.

    None where the size was named or is the data set's own, and for a feed of one's own that has no ``sizes``.
    """
    sizes: ImageSizes | None = getattr(feed, "sizes", None)
    return sizes


def unused_in(feed: Feed) -> tuple[Unused, ...]:
    """Return what the source has beside a feed's images; nothing, for a feed of one's own that has no ``unused``."""
    records: tuple[Unused, ...] = getattr(feed, "unused", ())
    return records


def unread_in(feed: Feed) -> Unread:
    """Return the images that could not be read so far, in this process; none, where a feed has no ``unread()``."""
    found: Unread = feed.unread() if hasattr(feed, "unread") else {}
    return found
