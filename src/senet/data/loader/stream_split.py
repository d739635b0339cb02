"""One held-out split on disk, decoded as it is read; and how images are read."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from senet.data.images.decode import MAX_PIXELS, warn_exif_ignored
from senet.data.loader.feed import Batch
from senet.data.loader.fetch import EvalTransform, FetchedBatch, Fetcher, FetchJob, OnError
from senet.data.loader.samples import LabelledSamples
from senet.data.loader.workers import fetch_all, require_shared_memory, require_workers
from senet.data.sampling.rank_share import SINGLE_RANK, Share
from senet.data.transforms.evaluation import InputTransform

logger = logging.getLogger("senet")


@dataclass(frozen=True)
class Loading:
    """How images are read.

    Args:
        workers: Processes that decode; 0 for none but this. They change the speed and nothing else, and touch no
            GPU. Where processes are not forked (macOS, Windows), a script needs ``if __name__ == "__main__":``.
        on_error: ``fail``, or ``skip``: an image that cannot be read is left out and logged, never replaced.
            A score on fewer images than the split has shows in the number of images.
        max_pixels: Larger images are refused by their header, before they are decoded.
        share: The part of every training batch, and the batches of every held-out split, that this process takes.

    Raises:
        UsageError: Fewer than no workers.
    """

    workers: int = 0
    on_error: OnError = "fail"
    max_pixels: int = MAX_PIXELS
    share: Share = SINGLE_RANK

    def __post_init__(self) -> None:
        require_workers(self.workers)


@dataclass(frozen=True, eq=False)
class StreamSplit:
    """A held-out split on disk, or a rank's share of it: the ranks' batches together have every image once.

    Args:
        files: The images.
        transform: What becomes of them.
        loading: How they are read.
        batch_size: Images a batch.
        unread: Names of the images that could not be read so far.
    """

    files: LabelledSamples
    transform: InputTransform
    loading: Loading
    batch_size: int = 64
    unread: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Batch]:
        return (batch for batch, _ in self.named())

    def named(self) -> Iterator[tuple[Batch, tuple[str, ...]]]:
        """Yield the batches and what their images are called: those alone that could be read."""
        for job, found in self.fetched():
            if log_skipped(found, self.unread):
                kept = [job.indices[position] for position in found.kept]
                yield (found.images, self.files.labels[kept]), tuple(map(self.files.samples.name, kept))

    def fetched(self) -> Iterator[tuple[FetchJob, FetchedBatch]]:
        """Yield what was fetched of each batch, with what could not be read of it.

        Raises:
            ResourceError: A worker died, or shared memory or file handles ran out.
        """
        loading = self.loading
        fetcher = Fetcher(self.files.samples, EvalTransform(self.transform), loading.on_error, loading.max_pixels)
        jobs = (FetchJob(step, self._indices(step), (), self._indices(step)) for step in range(self._steps))
        require_shared_memory(batch_bytes(self.transform, self.batch_size), loading.workers)
        return fetch_all(fetcher, jobs, loading.workers)

    @property
    def _numbers(self) -> range:
        return self.loading.share.scored(len(self.files), self.batch_size)

    @property
    def _steps(self) -> int:
        return -(-len(self) // self.batch_size)

    def _indices(self, step: int) -> tuple[int, ...]:
        return tuple(self._numbers[step * self.batch_size : (step + 1) * self.batch_size])

    def sample_ids(self, step: int) -> tuple[str, ...]:
        """Name the images of batch ``step``."""
        return tuple(self.files.samples.name(i) for i in self._indices(step))


def log_skipped(fetched: FetchedBatch, unread: set[str]) -> int:
    """Log what was skipped and add its names, raise what stops the run, and return how many images there are."""
    if fetched.error is not None:
        raise fetched.error
    if fetched.turned:
        warn_exif_ignored(fetched.turned)
    for error in fetched.skipped:
        unread.add(error.where)
        logger.warning("left out: %s: %s", error.where, error.what)
    return len(fetched.kept)


def batch_bytes(transform: InputTransform, batch_size: int) -> int:
    """Return the size of a batch of the network's input."""
    height, width = transform.size
    return batch_size * transform.channels * height * width
