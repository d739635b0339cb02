"""Data sets that have a name, in memory: ``digits``, ``fashion-mnist``, ``cifar10``, ``cifar100``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from senet.data.loader.array_samples import ArraySamples
from senet.data.loader.dataset import Augmentation, Raw, Split
from senet.data.sampling.split import SPLIT_SEED, TEST_SHARE, VALIDATION_SHARE, stratified_mask
from senet.data.sources.cifar import load_cifar10, load_cifar100
from senet.data.sources.fashion_mnist import load_fashion_mnist
from senet.data.sources.source import SourceInspection, SplitListing
from senet.data.sources.split_names import SPLITS
from senet.data.unused import Unused


@dataclass(frozen=True)
class NamedSource:
    """A data set of :data:`SOURCES`, in three splits.

    A test split that it lacks is 30% of its images, a validation split 10% of the training images, both stratified and
    the same for ever.

    Args:
        name: Of the data set.
        data_dir: Where it lies or is downloaded to.
        download: Whether it may be fetched.
    """

    name: str
    data_dir: Path
    download: bool = False

    @property
    def splits(self) -> tuple[str, ...]:
        """All three."""
        return SPLITS

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """Nothing."""
        return ()

    def require_splits(self) -> None:
        """Refuse nothing."""

    @cached_property
    def raw(self) -> Raw:
        """What was read."""
        return SOURCES[self.name](self.data_dir, self.download)

    @property
    def where(self) -> str:
        """The name."""
        return self.name

    @property
    def augmentation(self) -> Augmentation:
        """What suits this data."""
        return self.raw.augmentation

    @cached_property
    def parts(self) -> dict[str, tuple[Split, Tensor]]:
        """Where the images of each split lie, and their numbers there, (N,)."""
        raw, rest, found = self.raw, torch.arange(len(self.raw.train)), {}
        for name, own, share in (("test", raw.test, TEST_SHARE), ("val", raw.validation, VALIDATION_SHARE)):
            if own:
                found[name] = own, torch.arange(len(own))
            else:
                taken = stratified_mask(raw.train.labels[rest], share, SPLIT_SEED, name)
                found[name], rest = (raw.train, rest[taken]), rest[~taken]
        return {**found, "train": (raw.train, rest)}

    def read(self, split: str) -> SplitListing:
        """List the images of a split."""
        images, numbers = self.parts[split]
        samples, labels = ArraySamples(split, images.images[numbers], numbers), images.labels[numbers]
        return SplitListing(samples, labels.tolist(), self.raw.classes, f"{self.name}, {split}")

    def inspect(self, split: str) -> SourceInspection:
        """List the images of a split."""
        return SourceInspection(self.read(split))


def load_digits(data_dir: Path, download: bool) -> Raw:
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels; they come with the package."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = torch.from_numpy(bunch.images).mul(15).to(torch.uint8)[:, None]  # 0..16 to 0..240, exactly
    split = Split(images, torch.from_numpy(bunch.target).long())
    return Raw(tuple(str(d) for d in range(10)), split, Augmentation(padding=1, flip=False))


SOURCES: dict[str, Callable[[Path, bool], Raw]] = {
    "digits": load_digits,
    "fashion-mnist": load_fashion_mnist,
    "cifar10": load_cifar10,
    "cifar100": load_cifar100,
}
