"""One pass over shards at an address: rows become batches, of which a rank decodes its part."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from senet.data.feed import Batch
from senet.data.fetch import Fetched, Fetcher, Job, Render, ScoreRender
from senet.data.ranks import WHOLE
from senet.data.shards.carried import Carried
from senet.data.shards.labels import numbered
from senet.data.shards.source import Row, Stream, batch_of
from senet.data.stream import Loading, batch_bytes, score_batches
from senet.data.transform import InputTransform
from senet.data.workers import fetch_all, require_shared_memory
from senet.errors import DataError

EMPTY = Carried((), (), ())


@dataclass(frozen=True, eq=False)
class Reading:
    """One pass over a split, cut into batches.

    Args:
        stream: The split.
        classes: Names, in the order of the labels.
        transform: Of the network's input.
        loading: How images are read.
        batch_size: Images of a step of all ranks.
    """

    stream: Stream
    classes: tuple[str, ...]
    transform: InputTransform
    loading: Loading
    batch_size: int

    def jobs(self, rows: Iterator[Row], sizes: list[Tensor], first: int, prefix: tuple[object, ...]) -> Iterator[Job]:
        """Yield this rank's part of the batches from step ``first`` on; rows begin there too."""
        for step, positions in enumerate(sizes[first:], first):
            whole = Carried(*batch_of(list(islice(rows, len(positions)))))
            if len(whole) < len(positions):
                raise DataError(
                    f"the stream ended in step {step} of {len(sizes)}: it has not the {self.stream.samples:,} samples "
                    "that it says",
                    where=self.stream.urls[0],
                    do="upload the shards again",
                )
            kept = self.loading.share.of(torch.arange(len(positions)))
            yield Job(
                step, tuple(range(len(kept))), prefix, tuple(positions[kept].tolist()), whole.subset(kept.tolist())
            )

    def fetched(self, render: Render, jobs: Iterator[Job]) -> Iterator[tuple[Job, Fetched]]:
        """Decode the jobs."""
        require_shared_memory(batch_bytes(self.transform, self.batch_size), self.loading.workers)
        return fetch_all(
            Fetcher(EMPTY, render, self.loading.on_error, self.loading.max_pixels), jobs, self.loading.workers
        )

    def labels(self, job: Job) -> Tensor:
        """Return the class numbers of a job."""
        assert isinstance(job.carried, Carried)
        return torch.tensor(numbered(job.carried.labels, self.classes, self.stream.urls[0]))


@dataclass(frozen=True, eq=False)
class RemoteSplit:
    """A held-out split at an address, or a rank's share of it: the ranks' batches together have every image once."""

    reading: Reading

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def _numbers(self) -> range:
        return self.reading.loading.share.scored(self.reading.stream.samples, self.reading.batch_size)

    def _jobs(self, first: int = 0) -> Iterator[Job]:
        numbers, size = self._numbers, self.reading.batch_size
        step = numbers.start // size + first
        rows = self.reading.stream.read(list(self.reading.stream.urls))
        whole = replace(self.reading, loading=replace(self.reading.loading, share=WHOLE))
        return whole.jobs(islice(rows, step * size, None), list(torch.arange(numbers.stop).split(size)), step, ())

    def __iter__(self) -> Iterator[Batch]:
        fetched = self.reading.fetched(ScoreRender(self.reading.transform), self._jobs())
        yield from score_batches(fetched, self.reading.labels)

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of a batch; reads the stream up to it."""
        return names_of(next(self._jobs(step)))


def names_of(job: Job) -> tuple[str, ...]:
    """Return the addresses of a job's images."""
    assert isinstance(job.carried, Carried)
    return job.carried.names
