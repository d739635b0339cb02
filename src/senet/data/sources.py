"""Data sets by name: ``digits``, ``fashion-mnist``, ``cifar10``, ``cifar100``, ``folder:PATH``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from senet.data.cifar import load_cifar10, load_cifar100
from senet.data.dataset import Augmentation, Dataset, Raw, Split, channel_statistics
from senet.data.folder import load_folder
from senet.data.idx import load_fashion_mnist
from senet.data.split import SPLIT_SEED, TEST_SHARE, VALIDATION_SHARE, carve
from senet.errors import UsageError, nearest


@dataclass(frozen=True)
class DataSettings:
    """Which data, and how much of it.

    Args:
        source: A key of :data:`SOURCES`, or ``folder:PATH``.
        data_dir: Where named data sets lie or are downloaded to.
        download: Whether they may be fetched.
        train_fraction: Stratified share of the training split to train on, in (0, 1].
        image_size: Bring folder images to this square size.
    """

    source: str = "digits"
    data_dir: str = "data"
    download: bool = False
    train_fraction: float = 1.0
    image_size: int | None = None


def load(settings: DataSettings) -> Dataset:
    """Load, split and describe a data set.

    A test split that the source lacks is 30% of its images, a validation split 10% of the training images,
    both stratified and the same for ever.

    Raises:
        UsageError: An unknown source or an impossible setting.
        DataError: The data is missing or unreadable.
    """
    if not 0 < settings.train_fraction <= 1:
        raise UsageError(f"train_fraction={settings.train_fraction} is not in (0, 1]")
    raw = _read(settings)
    train, test = (raw.train, raw.test) if raw.test else carve(raw.train, TEST_SHARE, SPLIT_SEED, "test")
    train, validation = (train, raw.validation) if raw.validation else carve(train, VALIDATION_SHARE, SPLIT_SEED, "val")
    if settings.train_fraction < 1:
        _, train = carve(train, settings.train_fraction, SPLIT_SEED, "train")
    mean, std = channel_statistics(train.images)
    return Dataset(settings.source, raw.classes, train, validation, test, raw.augmentation, mean, std)


def _read(settings: DataSettings) -> Raw:
    if settings.source.startswith("folder:"):
        return load_folder(Path(settings.source.removeprefix("folder:")).expanduser(), settings.image_size)
    if settings.source.startswith("shards:"):
        raise UsageError(f"{settings.source} is streamed, never read into memory", do="name a folder, folder:PATH")
    if settings.source not in SOURCES:
        raise UsageError(f"no data set is called {settings.source!r}", do=meant(settings.source))
    if settings.image_size is not None:
        raise UsageError(f"image_size is for folder:PATH; {settings.source} has its own size")
    return SOURCES[settings.source](Path(settings.data_dir).expanduser(), settings.download)


def meant(source: str) -> str:
    """Say what may be meant by a name that no data set has."""
    folder = Path(source).expanduser().is_dir()
    return f"for a folder write --data folder:{source}" if folder else f"{nearest(source, SOURCES)}; or folder:PATH"


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


def resolved(settings: DataSettings) -> DataSettings:
    """Return the settings with absolute paths, so that a worker process elsewhere reads the same files."""
    source = settings.source
    if source.startswith("folder:"):
        source = f"folder:{Path(source.removeprefix('folder:')).expanduser().resolve()}"
    return replace(settings, source=source, data_dir=str(Path(settings.data_dir).expanduser().resolve()))
