"""What a model takes images for: the likeliest classes of each, one after the other, in memory of one batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from senet.errors import DataError
from senet.inference.classifier import Classifier

if TYPE_CHECKING:  # they import torchvision
    from senet.data.loader.fetch import FetchedBatch, FetchJob
    from senet.data.loader.samples import Samples
    from senet.data.loader.stream_split import Loading

BATCH = 64


@dataclass(frozen=True)
class Guess:
    """One class that an image may be of.

    Args:
        number: Of the output.
        probability: By the softmax of the logits, 0 to 1.
    """

    number: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What is said of one image.

    Args:
        sample: Its number.
        guesses: The likeliest first; empty where the image cannot be read.
        error: Why it cannot.
    """

    sample: int
    guesses: tuple[Guess, ...] = ()
    error: DataError | None = None


def predictions(
    classifier: Classifier, samples: "Samples", loading: "Loading", top: int, batch_size: int = BATCH
) -> Iterator[Prediction]:
    """Yield what a model says of each image, in order.

    Args:
        classifier: The model and its input.
        samples: The images.
        loading: How they are read; an image that is skipped has its row too.
        top: Guesses of each; all classes where there are fewer.
        batch_size: Images at a time.

    Raises:
        DataError: An image that cannot be read, if the loading fails on it.
    """
    from senet.data.images.decode import warn_exif_ignored
    from senet.data.loader.samples import LabelledSamples
    from senet.data.loader.stream_split import StreamSplit

    unlabelled = LabelledSamples(samples, torch.zeros(len(samples), dtype=torch.int64))
    split = StreamSplit(unlabelled, classifier.transform, loading, batch_size)
    for job, fetched in split.fetched():
        if fetched.error is not None:
            raise fetched.error
        if fetched.turned:
            warn_exif_ignored(fetched.turned)
        yield from _rows(classifier, job, fetched, top)


def _rows(classifier: Classifier, job: "FetchJob", fetched: "FetchedBatch", top: int) -> Iterator[Prediction]:
    guesses = iter(top_k(classifier.logits(fetched.images), top) if fetched.kept else ())
    errors, kept = iter(fetched.skipped), set(fetched.kept)
    for position, sample in enumerate(job.indices):
        yield Prediction(sample, next(guesses)) if position in kept else Prediction(sample, error=next(errors))


def top_k(logits: Tensor, top: int) -> list[tuple[Guess, ...]]:
    """Return the likeliest classes of each row of logits, (B, classes); ties go to the lower number."""
    likely, numbers = logits.float().softmax(1).sort(dim=1, descending=True, stable=True)
    rows = zip(numbers[:, :top].tolist(), likely[:, :top].tolist(), strict=True)
    return [tuple(map(Guess, *row)) for row in rows]
