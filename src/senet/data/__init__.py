"""Image data: named sources and class folders, in memory or decoded as it goes, in seeded batches."""

from typing import TYPE_CHECKING

from senet.utils.lazy import lazy_names

if TYPE_CHECKING:
    from senet.data.deprecated import DataSettings, Normaliser, open_remote, training_batches
    from senet.data.loader.dataset import Augmentation, Dataset, Raw, Split
    from senet.data.loader.decode import decoded, load
    from senet.data.loader.feed import Feed, HeldOut
    from senet.data.loader.memory_feed import MemoryFeed
    from senet.data.loader.open_stream import open_folder, open_shards, open_source, open_split, streamed
    from senet.data.loader.stream_feed import StreamFeed
    from senet.data.loader.stream_split import Loading, StreamSplit
    from senet.data.sampling.batch_order import Balanced, Batching, Buffered, Shuffled
    from senet.data.sampling.rank_share import Share
    from senet.data.sampling.seeding import generator
    from senet.data.sampling.split import divided
    from senet.data.sources.builtin import SOURCES
    from senet.data.sources.open_data import DataConfig, open_data, read_source, resolved
    from senet.data.transforms.evaluation import InputTransform
    from senet.data.transforms.input_settings import InputSettings

__all__ = [
    "SOURCES",
    "Augmentation",
    "Balanced",
    "Batching",
    "Buffered",
    "DataConfig",
    "DataSettings",
    "Dataset",
    "Feed",
    "HeldOut",
    "InputSettings",
    "InputTransform",
    "Loading",
    "MemoryFeed",
    "Normaliser",
    "Raw",
    "Share",
    "Shuffled",
    "Split",
    "StreamFeed",
    "StreamSplit",
    "decoded",
    "divided",
    "generator",
    "load",
    "open_data",
    "open_folder",
    "open_remote",
    "open_shards",
    "open_source",
    "open_split",
    "read_source",
    "resolved",
    "streamed",
    "training_batches",
]

# Imported on first use: one source of data needs no other.
_HOMES = {
    "Augmentation": "senet.data.loader.dataset",
    "Balanced": "senet.data.sampling.batch_order",
    "Batching": "senet.data.sampling.batch_order",
    "Buffered": "senet.data.sampling.batch_order",
    "DataConfig": "senet.data.sources.open_data",
    "DataSettings": "senet.data.deprecated",
    "Dataset": "senet.data.loader.dataset",
    "Feed": "senet.data.loader.feed",
    "HeldOut": "senet.data.loader.feed",
    "InputSettings": "senet.data.transforms.input_settings",
    "InputTransform": "senet.data.transforms.evaluation",
    "Loading": "senet.data.loader.stream_split",
    "MemoryFeed": "senet.data.loader.memory_feed",
    "Normaliser": "senet.data.deprecated",
    "Raw": "senet.data.loader.dataset",
    "SOURCES": "senet.data.sources.builtin",
    "Share": "senet.data.sampling.rank_share",
    "Shuffled": "senet.data.sampling.batch_order",
    "Split": "senet.data.loader.dataset",
    "StreamFeed": "senet.data.loader.stream_feed",
    "StreamSplit": "senet.data.loader.stream_split",
    "decoded": "senet.data.loader.decode",
    "divided": "senet.data.sampling.split",
    "generator": "senet.data.sampling.seeding",
    "load": "senet.data.loader.decode",
    "open_data": "senet.data.sources.open_data",
    "open_folder": "senet.data.loader.open_stream",
    "open_remote": "senet.data.deprecated",
    "open_shards": "senet.data.loader.open_stream",
    "open_source": "senet.data.loader.open_stream",
    "open_split": "senet.data.loader.open_stream",
    "read_source": "senet.data.sources.open_data",
    "resolved": "senet.data.sources.open_data",
    "streamed": "senet.data.loader.open_stream",
    "training_batches": "senet.data.deprecated",
}
__getattr__ = lazy_names(__name__, _HOMES)
