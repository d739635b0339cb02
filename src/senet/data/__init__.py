"""Image data: named sources and class folders, in memory or decoded as it goes, in seeded batches."""

from senet.data.batching import Batching
from senet.data.dataset import Augmentation, Dataset, Raw, Split
from senet.data.deprecated import Normaliser, training_batches
from senet.data.feed import Feed, HeldOut
from senet.data.memory import MemoryFeed
from senet.data.on_disk import open_folder, open_split
from senet.data.opening import open_source
from senet.data.order import Balanced, Buffered, Shuffled
from senet.data.ranks import Share
from senet.data.seeds import generator
from senet.data.shards import open_remote, open_shards
from senet.data.sources import SOURCES, DataSettings, load, resolved
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
    "generator",
    "load",
    "open_folder",
    "open_remote",
    "open_shards",
    "open_source",
    "open_split",
    "resolved",
    "training_batches",
]
