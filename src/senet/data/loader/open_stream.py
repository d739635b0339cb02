"""Open a source as a feed whose images are decoded as they go, or one split of it to be scored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from senet.data.loader.stream_feed import StreamFeed
from senet.data.loader.stream_split import Loading, StreamSplit
from senet.data.sampling.batch_order import Batching, Buffered, Shuffled
from senet.data.sampling.split import VALIDATION_SHARE, DataSplits, divided
from senet.data.shards.source import ShardSource
from senet.data.sources.image_folder import FolderSource, read_folder
from senet.data.sources.open_data import DataConfig, open_data
from senet.data.sources.source import labelled_samples
from senet.data.transforms.evaluation import InputTransform
from senet.data.unused import warn_unused

LOADING = Loading()


def streamed(data: DataSplits, transform: InputTransform, batching: Batching, loading: Loading = LOADING) -> StreamFeed:
    """Return the batches of a divided source, decoded as they are needed.

    Of images that lie together in files (shards), a shuffled order becomes a seeded buffer
    (:class:`~senet.data.sampling.batch_order.Buffered`); every other order is kept.

    Args:
        data: The source.
        transform: The evaluation side of the network's input.
        batching: The training side.
        loading: How images are read.
    """
    blocks = data.train.samples.blocks
    if blocks is not None and batching.order == Shuffled():
        batching = replace(batching, order=Buffered(torch.from_numpy(blocks).long()))
    test = StreamSplit(data.test, transform, loading)
    validation = test if data.validation is data.test else StreamSplit(data.validation, transform, loading)
    return StreamFeed(data.source.name, data.classes, data.train, validation, test, batching, loading, data.unused)


def open_source(source: str, transform: InputTransform, batching: Batching, loading: Loading = LOADING) -> StreamFeed:
    """Open any source by the name that a command line gives it; other arguments and errors as of :func:`streamed`.

    Raises:
        UsageError: No such source.
        DataError: What lies there cannot be trained on.
    """
    return streamed(divided(open_data(DataConfig(source))), transform, batching, loading)


def open_folder(
    root: Path,
    transform: InputTransform,
    batching: Batching,
    loading: Loading = LOADING,
    validation_share: float = VALIDATION_SHARE,
) -> StreamFeed:
    """Open ``train/<class>/*`` with ``val/`` and/or ``test/`` beside it; nothing is decoded yet.

    The class map is the sorted order of the folder names under ``train/``; other splits follow it by name.

    Args:
        root: The folder that holds ``train/``.
        transform: The evaluation side of the network's input.
        batching: The training side.
        loading: How images are read.
        validation_share: As :func:`senet.data.sampling.split.divided` has it.

    Raises:
        DataError: A missing or empty folder, a class that train does not know.
    """
    return streamed(divided(FolderSource(root.expanduser()), validation_share), transform, batching, loading)


def open_shards(
    root: Path | str,
    transform: InputTransform,
    batching: Batching,
    loading: Loading = LOADING,
    validation_share: float = VALIDATION_SHARE,
) -> StreamFeed:
    """Open what :func:`senet.data.shards.pack.pack` wrote, plain WebDataset tars, or Parquet.

    Args:
        root: The folder that holds the shards, or an address, of which a copy is kept on this disk.
        transform: The evaluation side of the network's input.
        batching: The training side.
        loading: How images are read.
        validation_share: As :func:`senet.data.sampling.split.divided` has it.

    Raises:
        DataError: A shard is missing, truncated, or holds what cannot be trained on; it is named.
        ResourceError: A copy does not fit the disk.
    """
    return streamed(divided(ShardSource(str(root)), validation_share), transform, batching, loading)


def open_split(
    folder: Path,
    classes: Sequence[str],
    transform: InputTransform,
    loading: Loading = LOADING,
    ignore_unknown: bool = False,
) -> StreamSplit:
    """Open ``<class>/*`` to score it by a class map that was stored with weights; folders go by name.

    Args:
        folder: Holds the class folders.
        classes: The stored class map.
        transform: The one that was stored.
        loading: How images are read.
        ignore_unknown: Leave out folders that the class map does not know, and say so, in place of an error.

    Raises:
        DataError: A folder that the class map does not know, or no images.
    """
    files = labelled_samples(read_folder(folder.expanduser()), classes, ignore_unknown)
    warn_unused(files.unused)
    return StreamSplit(files, transform, loading)
