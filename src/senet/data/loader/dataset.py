"""An image data set in memory: uint8 tensors, split once, described well enough to be recognised again."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import torch
from torch import Tensor

from senet.data.images.sizes import ImageSizes
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings, input_fingerprint
from senet.data.unused import Unread, Unused


@dataclass(frozen=True)
class Split:
    """Images and their classes.

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64, indices into the data set's classes.
        name: Returns what the source calls the image at a position; None where nobody says.
    """

    images: Tensor
    labels: Tensor
    name: Callable[[int], str] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: Tensor) -> "Split":
        """Return the images at the given positions."""
        kept = torch.arange(len(self))[index].tolist()
        return Split(self.images[index], self.labels[index], self.name and partial(_name_of, self.name, kept))


def _name_of(name: Callable[[int], str], kept: Sequence[int], index: int) -> str:
    return name(kept[index])


@dataclass(frozen=True)
class Augmentation:
    """What training may do to an image of this data set without changing its class.

    Args:
        padding: Zero pixels around the image before a random crop of its own size; 0 for no crop.
        flip: Whether a mirror image is as good an example.
    """

    padding: int
    flip: bool


@dataclass(frozen=True)
class Raw:
    """What a source delivers, before splitting.

    Args:
        classes: Names, in the order of the labels.
        train: Images to train on.
        augmentation: What suits this data.
        validation: The source's own validation split, or None to carve one.
        test: The source's own test split, or None to carve one.
    """

    classes: tuple[str, ...]
    train: Split
    augmentation: Augmentation
    validation: Split | None = None
    test: Split | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set ready for training; its images are as the network takes them.

    Args:
        name: The source, as the user wrote it.
        classes: Names, in the order of the labels.
        train: Images to train on.
        validation: Chooses what is saved as best; never reported as the score.
        test: Is scored once, at the end.
        augmentation: What suits this data.
        mean: Per channel, of the training images scaled to 0..1.
        std: Likewise.
        unused: What the source has beside these images.
        unread: Images that could not be decoded.
        given: What is said of the input over that; the images have it already, mean and deviation as well.
        sizes: What the headers of image files said; None where nobody looked.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    augmentation: Augmentation
    mean: tuple[float, ...]
    std: tuple[float, ...]
    unused: tuple[Unused, ...] = ()
    unread: Unread = field(default_factory=dict)
    given: InputSettings = NO_INPUT_SETTINGS
    sizes: ImageSizes | None = None

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.train.images.shape[2], self.train.images.shape[3]

    def fingerprint(self) -> str:
        """Return the SHA-256 of classes, images and labels of all splits: equal data, equal fingerprint."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.classes).encode())
        for split in (self.train, self.validation, self.test):
            digest.update(repr(tuple(split.images.shape)).encode())
            digest.update(split.images.contiguous().numpy().data)
            digest.update(split.labels.contiguous().numpy().data)
        return input_fingerprint(digest.hexdigest(), self.given)


def default_augmentation(size: tuple[int, int]) -> Augmentation:
    """Return what suits small images of which only height and width are known: a shift and a mirror image."""
    return Augmentation(max(size[1] // 8, 1), flip=True)


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation per channel of uint8 images scaled to 0..1; a constant channel has deviation 1."""
    counts = torch.stack([torch.bincount(c.flatten().int(), minlength=256) for c in images.transpose(0, 1)]).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    share = counts / counts.sum(1, keepdim=True)
    mean = share @ values
    std = (share * (values - mean[:, None]).square()).sum(1).sqrt()
    return _floats(mean), _floats(torch.where(std > 0, std, torch.ones_like(std)))


def _floats(values: Tensor) -> tuple[float, ...]:
    floats: Sequence[float] = values.tolist()
    return tuple(round(value, 6) for value in floats)
