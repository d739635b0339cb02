"""Names of before version 0.1.0 that still work, and say what replaced them."""

import warnings
from collections.abc import Callable, Iterator

from torch import Tensor

from senet.data.batching import Batching
from senet.data.dataset import Augmentation, Dataset, Split
from senet.data.memory import MemoryFeed
from senet.data.transform import InputTransform


def Normaliser(mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[[Tensor], Tensor]:  # noqa: N802 (a class)
    """Return what normalises uint8 images; use the ``transform.normalise`` of a feed."""
    warnings.warn("senet.data.Normaliser is deprecated: use feed.transform.normalise", DeprecationWarning, stacklevel=2)
    return InputTransform((1, 1), 1, mean, std).normalise


def training_batches(
    split: Split, augmentation: Augmentation, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch; use :meth:`senet.data.MemoryFeed.train_batches`."""
    said = "senet.data.training_batches is deprecated: use MemoryFeed(data, Batching(batch_size)).train_batches"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    data = Dataset("", (), split, split, split, augmentation, (0.5,), (0.5,))
    return MemoryFeed(data, Batching(batch_size)).train_batches(seed, epoch)
