"""A feed whose images are scaled as a model's weights want it, and not by the data's own mean and deviation."""

from collections.abc import Iterator
from dataclasses import dataclass

from senet.data.feed import Batch, Feed, HeldOut
from senet.data.transform import InputTransform


@dataclass(frozen=True, eq=False)
class Normalised:
    """Another feed's batches under another normalisation.

    Args:
        feed: Yields the batches.
        transform: Its transform but for mean, deviation, range and order of the channels.
    """

    feed: Feed
    transform: InputTransform

    @property
    def name(self) -> str:
        """The source, as the user wrote it."""
        return self.feed.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""
        return self.feed.classes

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return self.feed.steps_per_epoch

    @property
    def validation(self) -> HeldOut:
        """Chooses what is saved as best."""
        return self.feed.validation

    @property
    def test(self) -> HeldOut:
        """Is scored once."""
        return self.feed.test

    def fingerprint(self) -> str:
        """Return the SHA-256 of the data."""
        return self.feed.fingerprint()

    def train_batches(self, seed: int, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield one epoch's batches from a step on."""
        return self.feed.train_batches(seed, epoch, first_step)

    def sample_ids(self, seed: int, epoch: int, step: int) -> tuple[str, ...]:
        """Name the training images of one step."""
        return self.feed.sample_ids(seed, epoch, step)
