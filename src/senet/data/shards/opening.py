"""Open a folder of shards as a feed: the same order, checks and errors as class folders, at any size."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from senet.data.batching import Batching
from senet.data.order import Buffered, Shuffled
from senet.data.shards.labels import class_names, numbered
from senet.data.shards.layout import Layout, find
from senet.data.shards.members import PICKLED, Label
from senet.data.shards.parquet import ParquetSamples, read_split
from senet.data.shards.table import Table
from senet.data.shards.tables import table_of
from senet.data.shards.tar import TarSamples, tar_samples
from senet.data.split import SPLIT_SEED, VALIDATION_SHARE, share_of
from senet.data.stream import Files, Loading, StreamFeed, StreamSplit
from senet.data.transform import InputTransform
from senet.errors import DataError
from senet.text import plain

logger = logging.getLogger("senet")
LOADING = Loading()

# Samples, their labels, and the class names where the files themselves have them.
Found = tuple[TarSamples | ParquetSamples, Sequence[Label], tuple[str, ...] | None]


def open_shards(
    root: Path,
    transform: InputTransform,
    batching: Batching,
    loading: Loading = LOADING,
    validation_share: float = VALIDATION_SHARE,
) -> StreamFeed:
    """Open what :func:`senet.data.shards.pack.pack_folder` wrote, plain WebDataset tars, or Parquet.

    Files are named ``train-00000.tar`` and so on, with ``val-`` and/or ``test-`` beside them. The class map is the
    index's, else the files' own, else that of the labels. A shuffled order becomes a seeded buffer
    (:class:`~senet.data.order.Buffered`); every other order is kept.

    Args:
        root: The folder that holds the shards.
        transform: The evaluation side of the network's input.
        batching: The training side.
        loading: How images are read.
        validation_share: As :func:`senet.data.on_disk.open_folder` has it.

    Raises:
        DataError: A shard is missing, truncated, or holds what cannot be trained on; it is named.
    """
    root = root.expanduser()
    layout = find(root)
    if layout.missing:
        more = f" and {len(layout.missing) - 1} more" if len(layout.missing) > 1 else ""
        raise DataError(f"missing: {plain(layout.missing[0])}{more}", where=plain(root), do="fetch or pack it again")
    found = {split: _read(layout, names) for split, names in layout.shards.items()}
    _, labels, named = found["train"]
    classes = layout.classes or named or class_names(labels, plain(root))
    train, *held = (
        Files(samples, torch.tensor(numbered(labels, classes, f"{split} of {plain(root)}")))
        for split, (samples, labels, _) in found.items()
    )
    splits = [StreamSplit(part, transform, loading) for part in held]
    blocks = torch.from_numpy(found["train"][0].blocks).long()
    if len(splits) == 1 and validation_share > 0:
        taken = share_of(train.labels, validation_share, SPLIT_SEED, "val")
        splits.insert(0, StreamSplit(train.subset(taken.nonzero().flatten()), transform, loading))
        train, blocks = train.subset((~taken).nonzero().flatten()), blocks[~taken]
    if batching.order == Shuffled():
        batching = replace(batching, order=Buffered(blocks))
    return StreamFeed(f"shards:{root}", classes, train, splits[0], splits[-1], batching, loading)


def _read(layout: Layout, names: Sequence[str]) -> Found:
    endings = {Path(name).suffix for name in names}
    if len(endings) > 1:
        raise DataError("tars and Parquet files in one split", where=plain(layout.root), do="keep one of the two")
    return READERS[endings.pop()](layout, names)


def _parquet(layout: Layout, names: Sequence[str]) -> Found:
    return read_split(layout.root, names)


def _tars(layout: Layout, names: Sequence[str]) -> Found:
    tables = [table_of(layout.root / name, layout.entries.get(name)) for name in names]
    for name, table in zip(names, tables, strict=True):
        if table.faults:
            fault = table.faults[0]
            raise DataError(
                f"{plain(fault.name)}: {fault.text} (1 of {len(table.faults)} faults in the shard)",
                where=plain(layout.root / name),
                do="senet data check lists them all",
            )
    _say_passed(layout.root, tables)
    samples = tar_samples(layout.root, names, tables, {name: entry.sha256 for name, entry in layout.entries.items()})
    return samples, [label for table in tables for label in table.labels], None


def _say_passed(root: Path, tables: Sequence[Table]) -> None:
    passed: Counter[str] = Counter()
    for table in tables:
        passed.update(dict(table.passed))
    for extension, count in passed.items():
        why = "never unpickled" if extension in PICKLED else "nothing here decodes them"
        logger.warning("%s: %d members .%s are not read: %s", plain(root), count, plain(extension), why)


READERS = {".tar": _tars, ".parquet": _parquet}
