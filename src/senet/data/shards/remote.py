"""Shards at an address as a feed: read from front to back, shuffled in a buffer by Hugging Face `datasets`.

Every sample comes exactly once an epoch, whatever the numbers of ranks and workers, and an epoch can be entered at any
step. The price, since a stream cannot be entered in its middle: the main process of every rank reads all shards
and keeps its slice, and resuming at a step reads again what came before, without decoding it. Copy what several ranks
train on; a copy is read by index.
"""

import hashlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from senet.data.batching import Batching
from senet.data.feed import Batch
from senet.data.fetch import Job, TrainRender
from senet.data.order import Shuffled, batch_indices, steps
from senet.data.seeds import number
from senet.data.shards.reading import Reading, RemoteSplit, names_of
from senet.data.shards.source import Row, Source, find
from senet.data.stream import Loading, train_batches
from senet.data.transform import InputTransform
from senet.errors import DataError, UsageError

BUFFER = 10_000  # encoded images that wait in memory
LOADING = Loading()


@dataclass(frozen=True, eq=False)
class RemoteFeed:
    """Shards at an address; :func:`open_remote` makes it."""

    source: Source
    batching: Batching
    reading: Reading
    validation: RemoteSplit
    test: RemoteSplit

    def __post_init__(self) -> None:
        self.reading.loading.share.require_two_each(self.reading.stream.samples, self.batching.batch_size)

    @property
    def name(self) -> str:
        """The source, as the user wrote it."""
        return f"shards:{self.source.url}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""
        return self.source.classes

    @property
    def transform(self) -> InputTransform:
        """The evaluation transform."""
        return self.reading.transform

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return steps(self.reading.stream.samples, self.batching.batch_size)

    def fingerprint(self) -> str:
        """Return a SHA-256 of the index, or of names, sizes and counts: images are not read for it.

        The version of `datasets` counts too: the order of its buffer is its own.
        """
        said = (self.source.digest, _datasets().__version__, BUFFER)
        return hashlib.sha256(repr(said).encode()).hexdigest()

    def train_batches(self, seed: int, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield one epoch's batches from a step on; those before it are read and thrown away."""
        render = TrainRender(self.batching, self.transform.channels)
        fetched = self.reading.fetched(render, self._jobs(seed, epoch, first_step))
        yield from train_batches(fetched, self.reading.labels, epoch)

    def _jobs(self, seed: int, epoch: int, first_step: int) -> Iterator[Job]:
        parts = batch_indices(torch.arange(self.reading.stream.samples), self.batching.batch_size)
        rows = self._shuffled(number(seed, "order", epoch) % 2**32)
        passed = first_step * self.batching.batch_size
        return self.reading.jobs(islice(rows, passed, None), parts, first_step, (seed, "augmentation", epoch))

    def _shuffled(self, seed: int) -> Iterator[Row]:
        """Read the shards in a random order, through a buffer."""
        datasets, stream = _datasets(), self.reading.stream
        text, binary = datasets.Value("string"), datasets.Value("binary")
        features = datasets.Features({"name": text, "data": binary, "label": text})
        found = datasets.IterableDataset.from_generator(
            _shards, features=features, gen_kwargs={"urls": list(stream.urls), "read": stream.read}
        )
        return iter(found.shuffle(seed=seed, buffer_size=BUFFER))

    def sample_ids(self, seed: int, epoch: int, step: int) -> tuple[str, ...]:
        """Name the training images of one step; reads the stream up to it."""
        return names_of(next(self._jobs(seed, epoch, step)))


def open_remote(url: str, transform: InputTransform, batching: Batching, loading: Loading = LOADING) -> RemoteFeed:
    """Open packed tars (their ``index.json``) or Parquet at an address that fsspec knows: https, hf, s3, file, ...

    Nothing but this address is reached. Where one split is held out, it is validation and test both.

    Args:
        url: The folder.
        transform: The evaluation side of the network's input.
        batching: The training side; its order must be the shuffled one.
        loading: How images are read.

    Raises:
        DataError: Nothing there, or a shard is missing.
        UsageError: An order that a stream cannot have, or the extra is not installed.
    """
    if batching.order != Shuffled():
        raise UsageError(
            f"a stream cannot be read in the order {batching.order}", do="copy the shards and open the copy"
        )
    _datasets()
    source = find(url.rstrip("/"))
    if "train" not in source.splits or len(source.splits) < 2:
        raise DataError("there must be shards of train and of val or test", where=url)
    held = [
        RemoteSplit(Reading(source.splits[split], source.classes, transform, loading, 64))
        for split in ("val", "test")
        if split in source.splits
    ]
    reading = Reading(source.splits["train"], source.classes, transform, loading, batching.batch_size)
    return RemoteFeed(source, batching, reading, held[0], held[-1])


def _shards(urls: list[str], read: Callable[[list[str]], Iterator[Row]]) -> Iterator[Row]:
    yield from read(urls)


def _datasets() -> Any:
    try:
        return importlib.import_module("datasets")
    except ModuleNotFoundError as error:
        raise UsageError("a stream needs the extra `stream`", do="pip install 'senet[stream]'") from error
