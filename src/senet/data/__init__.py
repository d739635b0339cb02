"""Image data in memory: named sources, class folders, fixed splits and seeded batches."""

from senet.data.batches import Normaliser, generator, training_batches
from senet.data.dataset import Augmentation, Dataset, Raw, Split
from senet.data.sources import SOURCES, DataSettings, load, resolved

__all__ = [
    "SOURCES",
    "Augmentation",
    "DataSettings",
    "Dataset",
    "Normaliser",
    "Raw",
    "Split",
    "generator",
    "load",
    "resolved",
    "training_batches",
]
