"""Names of before version 0.1.0 that still work, and say what replaced them."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from senet.data.loader.dataset import Augmentation, Dataset, Split
from senet.data.loader.memory_feed import MemoryFeed
from senet.data.loader.open_stream import LOADING, open_shards
from senet.data.loader.stream_feed import StreamFeed
from senet.data.loader.stream_split import Loading
from senet.data.sampling.batch_order import Batching
from senet.data.sources.open_data import DataConfig
from senet.data.transforms.evaluation import InputTransform

DataSettings = DataConfig


@dataclass(frozen=True)
class Normaliser:
    """(B, C, H, W) uint8 -> float32 with mean 0 and deviation 1 per channel; use a feed's ``transform.normalise``."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        said = "senet.data.Normaliser is deprecated: use feed.transform.normalise"
        warnings.warn(said, DeprecationWarning, stacklevel=3)

    def __call__(self, images: Tensor) -> Tensor:
        """Scale to 0..1, subtract the mean, divide by the deviation."""
        return InputTransform((1, 1), 1, self.mean, self.std).normalise(images)


def training_batches(
    split: Split, augmentation: Augmentation, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch; use :meth:`senet.data.MemoryFeed.train_batches`."""
    said = "senet.data.training_batches is deprecated: use MemoryFeed(data, Batching(batch_size)).train_batches"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    data = Dataset("", (), split, split, split, augmentation, (0.5,), (0.5,))
    return MemoryFeed(data, Batching(batch_size)).train_batches(seed, epoch)


def open_remote(url: str, transform: InputTransform, batching: Batching, loading: Loading = LOADING) -> StreamFeed:
    """Open shards at an address; use :func:`senet.data.open_shards`."""
    said = "senet.data.open_remote is deprecated: use open_shards, which takes an address too"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    return open_shards(url, transform, batching, loading)
