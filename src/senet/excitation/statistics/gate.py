"""All that is kept of one gate, in memory that does not depend on the number of images."""

import math

import torch
from torch import Tensor

from senet.attention.bounds import saturated
from senet.errors import UsageError
from senet.excitation.recording.gates import Gate
from senet.excitation.statistics.extremes import ImageSample, TopImages
from senet.excitation.statistics.moments import Histogram, Moments

SAME_SIZE = "give all images one size"


class GateStatistics:
    """What one gate did over images, by class.

    Args:
        gate: Which.
        shape: Of its values for one image.
        classes: Number of classes, K.
        shown: Classes whose quantiles are kept, beside those of all images.
    """

    def __init__(self, gate: Gate, shape: tuple[int, ...], classes: int, shown: tuple[int, ...]) -> None:
        self.name, self.kind, self.bounds, self.slow = gate.name, gate.kind, gate.bounds, gate.slow
        self.shape = shape
        width = math.prod(self.shape)
        self.shown, self.not_finite = shown, 0
        self.moments = Moments(classes, width)
        self.sample = ImageSample(width)
        self.most, self.least = TopImages(width), TopImages(width)
        self.saturated = torch.zeros(2, dtype=torch.int64)
        """Values near the lower and the upper end."""
        ended = all(abs(end) < float("inf") for end in self.bounds)
        self.histogram = Histogram(1 + len(shown), width, *self.bounds) if ended else None

    def add(self, values: Tensor, labels: Tensor, images: Tensor) -> None:
        """Add what a batch showed.

        Args:
            values: Of the gate, (B, ...).
            labels: (B,), classes.
            images: (B,), numbers of the images.
        """
        values = values.flatten(1).cpu()
        finite = values.isfinite().all(1)
        if not finite.all():  # one image would spoil the numbers of all
            self.not_finite += int((~finite).sum())
            values, labels, images = values[finite], labels[finite], images[finite]
        if len(values):
            self._add(values, labels, images)

    def _add(self, values: Tensor, labels: Tensor, images: Tensor) -> None:
        self.moments.add(values, labels)
        self.sample.add(values, labels, images)
        self.most.add(values, images)
        self.least.add(-values, images)
        self.saturated += torch.stack([ends.sum() for ends in saturated(values, self.bounds)])
        if self.histogram is not None:
            self.histogram.add(0, values)
            for group, number in enumerate(self.shown, 1):
                self.histogram.add(group, values[labels == number])

    def merge(self, other: "GateStatistics") -> None:
        """Add what was seen elsewhere of the same gate.

        Raises:
            UsageError: Its values have another shape.
        """
        if self.shape != other.shape:
            raise UsageError(
                f"values of shape {other.shape} after others of {self.shape}", where=self.name, do=SAME_SIZE
            )
        self.not_finite += other.not_finite
        self.saturated += other.saturated
        for name in ("moments", "sample", "most", "least"):
            getattr(self, name).merge(getattr(other, name))
        if self.histogram is not None and other.histogram is not None:
            self.histogram.merge(other.histogram)
