"""Image data: named sources and class folders, in memory or decoded as it goes, in seeded batches."""

from senet.data.deprecated import DataSettings, Normaliser, open_remote, training_batches
from senet.data.loader.dataset import Augmentation, Dataset, Raw, Split
from senet.data.loader.decode import decoded, load
from senet.data.loader.feed import Feed, HeldOut
from senet.data.loader.memory_feed import MemoryFeed
from senet.data.loader.open_feed import open_folder, open_shards, open_source, open_split, streamed
from senet.data.loader.stream_feed import Loading, StreamFeed, StreamSplit
from senet.data.sampling.batch_order import Balanced, Batching, Buffered, Shuffled
from senet.data.sampling.rank_share import Share
from senet.data.sampling.seeding import generator
from senet.data.sampling.split import divided
from senet.data.sources.named import SOURCES
from senet.data.sources.names import DataConfig, open_data, read_source, resolved
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
