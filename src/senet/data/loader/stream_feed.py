"""Images on disk as a feed: they are decoded as they are needed, so the data may be larger than the memory."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from torch import Tensor

from senet.data.images.sizes import ImageSizes
from senet.data.loader.feed import Batch
from senet.data.loader.fetch import FetchedBatch, Fetcher, FetchJob, TrainTransform
from senet.data.loader.samples import LabelledSamples, Samples
from senet.data.loader.stream_split import Loading, StreamSplit, batch_bytes, log_skipped
from senet.data.loader.workers import fetch_all, require_shared_memory
from senet.data.sampling.batch_order import Batching, batch_indices, num_batches, visit_keys
from senet.data.transforms.evaluation import InputTransform
from senet.data.transforms.input_settings import NO_INPUT_SETTINGS, InputSettings, input_fingerprint
from senet.data.unused import Unread, Unused
from senet.errors import DataError

logger = logging.getLogger("senet")


@dataclass(frozen=True, eq=False)
class StreamFeed:
    """Images on disk; :func:`senet.data.loader.open_stream.open_folder`, ``open_shards`` and ``open_source`` make it.

    Args:
        name: The source, as the user wrote it.
        classes: Names, in the order of the labels.
        train: Images to train on.
        validation: Chooses what is saved as best.
        test: Is scored once; may be the same object.
        batching: How to train.
        loading: How images are read.
        unused: What the source has beside these images.
        unread_in_training: Names of the training images that could not be read so far.
        given: What is said of the input; the transforms have it already.
        sizes: What the headers said; where most images have one small size, the transforms make that of all.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledSamples
    validation: StreamSplit
    test: StreamSplit
    batching: Batching
    loading: Loading
    unused: tuple[Unused, ...] = ()
    unread_in_training: set[str] = field(default_factory=set)
    given: InputSettings = NO_INPUT_SETTINGS
    sizes: ImageSizes | None = None

    def __post_init__(self) -> None:
        self.loading.share.require_two_each(len(self.train), self.batching.batch_size)

    @property
    def transform(self) -> InputTransform:
        """The evaluation transform."""
        return self.test.transform

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return num_batches(len(self.train), self.batching.batch_size)

    def unread(self) -> Unread:
        """Return the images that could not be read so far, in this process."""
        held = {"val": self.validation.unread, "test": self.test.unread}
        if self.validation is self.test:
            del held["val"]
        return {split: sorted(names) for split, names in {"train": self.unread_in_training, **held}.items() if names}

    def rescaled(self, transform: InputTransform) -> "StreamFeed":
        """Return the same batches under another normalisation."""
        test = replace(self.test, transform=transform)
        validation = test if self.validation is self.test else replace(self.validation, transform=transform)
        return replace(self, validation=validation, test=test)

    def fingerprint(self) -> str:
        """Return a SHA-256 of classes, file names and contents; contents are hashed once, unless a file changes."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        splits = (self.train, self.validation.files, self.test.files)
        digest = tree_digest(self.classes, [(files.samples, files.labels.tolist()) for files in splits])
        return input_fingerprint(digest, self.given, self.sizes.size if self.sizes else None)

    def train_batches(self, seed: int, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield one epoch's batches from a step on."""
        render = TrainTransform(self.batching, self.transform.channels)
        fetcher = Fetcher(self.train.samples, render, self.loading.on_error, self.loading.max_pixels)
        jobs = self._jobs(seed, epoch, first_step)
        require_shared_memory(batch_bytes(self.transform, self.batching.batch_size), self.loading.workers)
        fetched = fetch_all(fetcher, jobs, self.loading.workers)
        yield from train_batches(fetched, self._labels, epoch, self.unread_in_training)

    def _labels(self, job: FetchJob) -> Tensor:
        return self.train.labels[list(job.indices)]

    def _jobs(self, seed: int, epoch: int, first_step: int) -> Iterator[FetchJob]:
        order = self.batching.order(self.train.labels, seed, epoch)
        parts = (
            batch_indices(numbers, self.batching.batch_size)[first_step:] for numbers in (order, visit_keys(order))
        )
        for step, whole in enumerate(zip(*parts, strict=True), first_step):
            index, keys = map(self.loading.share.of, whole)
            yield FetchJob(step, tuple(index.tolist()), (seed, "augmentation", epoch), tuple(keys.tolist()))

    def sample_ids(self, seed: int, epoch: int, step: int) -> tuple[str, ...]:
        """Name the training images of one step."""
        order = self.batching.order(self.train.labels, seed, epoch)
        index = self.loading.share.of(batch_indices(order, self.batching.batch_size)[step])
        return tuple(self.train.samples.name(i) for i in index.tolist())


def train_batches(
    fetched: Iterable[tuple[FetchJob, FetchedBatch]], labels: Callable[[FetchJob], Tensor], epoch: int, unread: set[str]
) -> Iterator[Batch]:
    """Yield every job's batch; names of images that cannot be read are added to ``unread``.

    Raises:
        DataError: So little of one can be read that batch norm cannot train on it.
    """
    for job, found in fetched:
        log_skipped(found, unread)
        if len(found.kept) < min(2, len(job.indices)):
            raise DataError(
                f"{len(found.kept)} of {len(job.indices)} images of a batch can be read",
                where=f"epoch {epoch}, step {job.step}",
                do="run senet data check",
            )
        yield found.images, labels(job)[list(found.kept)]


def tree_digest(classes: Sequence[str], splits: Iterable[tuple[Samples, Sequence[int]]]) -> str:
    """Return the SHA-256 of classes, names, labels and contents of all splits, wherever the folder lies.

    Args:
        classes: Names, in the order of the labels.
        splits: Images and labels.

    Raises:
        DataError: Not for a file that cannot be read, it counts as such; for a shard that is not what its index says.
    """
    whole = hashlib.sha256(json.dumps(list(classes)).encode())
    for samples, labels in splits:
        for i, (label, content) in enumerate(zip(labels, samples.digests(), strict=True)):
            whole.update(json.dumps([samples.name(i), label, content]).encode())
        whole.update(b"\n")
    return whole.hexdigest()
