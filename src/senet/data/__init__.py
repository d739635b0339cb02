"""Image data: named sources and class folders, in memory or decoded as it goes, in seeded batches."""

from senet.data.dataset import Augmentation, Dataset, Raw, Split
from senet.data.decoded import decoded, load
from senet.data.deprecated import Normaliser, open_remote, training_batches
from senet.data.feed import Feed, HeldOut
from senet.data.input import InputSettings
from senet.data.memory import MemoryFeed
from senet.data.named import SOURCES
from senet.data.opening import open_folder, open_shards, open_source, open_split, streamed
from senet.data.order import Balanced, Batching, Buffered, Shuffled
from senet.data.ranks import Share
from senet.data.seeds import generator
from senet.data.sources import DataSettings, open_data, read_source, resolved
from senet.data.split import divided
from senet.data.stream import Loading, StreamFeed, StreamSplit
from senet.data.transform import InputTransform

__all__ = [
    "SOURCES",
    "Augmentation",
    "Balanced",
    "Batching",
    "Buffered",
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
