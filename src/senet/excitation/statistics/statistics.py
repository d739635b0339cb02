"""Statistics of all gates of a model, batch by batch."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from senet.errors import UsageError
from senet.excitation.recording.gates import Gate
from senet.excitation.statistics.gate import SAME_SIZE, GateStatistics


class Statistics:
    """What all gates of a model did over images, in memory that does not depend on the number of images.

    ::

        statistics = Statistics(classes=10)
        with senet.excitation.recording.record(model) as recorded:
            for images, labels in batches:
                model(images)
                statistics.add(recorded.gates.values(), labels)

    A gate with N values (a channel, a position or a branch each) takes 16 K N bytes for the moments of K classes,
    256 (1 + S) N for the histograms of all and of S shown classes, 1024 N for the sample and 64 N for the images that
    drive each value most and least: at ten classes, four of them shown, 2,528 N bytes.

    Args:
        classes: K.
        shown: Classes whose quantiles are kept.
    """

    def __init__(self, classes: int, shown: Iterable[int] = ()) -> None:
        self.classes, self.shown = classes, tuple(shown)
        self.gates: dict[str, GateStatistics] = {}
        """By name, in the order in which they run; a gate that never ran is not among them."""
        self.images = 0
        """Images seen, whether a gate's values for them were finite or not."""
        self.missed: dict[str, int] = {}
        """Of gates that did not run in some passes: in how many."""

    def add(self, gates: Iterable[Gate], labels: Tensor, images: Tensor | None = None) -> None:
        """Add the values of a forward pass.

        Args:
            gates: With the values of the pass.
            labels: (B,), numbers of the classes.
            images: (B,), numbers of the images, each its own; by default in the order in which they come.

        Raises:
            UsageError: Of other images than the labels, or a class that there is not.
        """
        labels = labels.long().cpu()
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            raise UsageError(f"labels from {labels.min()} to {labels.max()}, but there are {self.classes} classes")
        images = torch.arange(self.images, self.images + len(labels)) if images is None else images.cpu()
        for gate in gates:
            if gate.values is None:
                self.missed[gate.name] = self.missed.get(gate.name, 0) + 1
            else:
                self._of(gate, gate.values.shape, len(labels)).add(gate.values, labels, images)
        self.images += len(labels)

    def _of(self, gate: Gate, shape: torch.Size, labels: int) -> GateStatistics:
        images, own = shape[0], tuple(shape[1:])
        if images != labels:
            raise UsageError(f"{labels} labels of {images} images", where=gate.name)
        if gate.name not in self.gates:
            self.gates[gate.name] = GateStatistics(gate, own, self.classes, self.shown)
        found = self.gates[gate.name]
        if own != found.shape:
            what = f"values of shape {own} after others of {found.shape}"
            raise UsageError(what, where=gate.name, do=SAME_SIZE)
        return found

    def merge(self, other: "Statistics") -> None:
        """Add what was seen elsewhere, by another process or of other images with numbers of their own.

        Raises:
            UsageError: It is of other classes, or of other gates with the same names.
        """
        if (self.classes, self.shown) != (other.classes, other.shown):
            raise UsageError(
                f"statistics of {self.classes} and of {other.classes} classes, or shown ones, do not add up"
            )
        self.images += other.images
        for name, count in other.missed.items():
            self.missed[name] = self.missed.get(name, 0) + count
        for name, gate in other.gates.items():
            if name in self.gates:
                self.gates[name].merge(gate)
            else:
                self.gates[name] = gate

    @property
    def bytes(self) -> int:
        """What the statistics take."""
        return sum(_bytes(vars(gate)) for gate in self.gates.values())


def _bytes(values: Any) -> int:
    if isinstance(values, Tensor):
        return values.numel() * values.element_size()
    if isinstance(values, dict):
        return sum(map(_bytes, values.values()))
    return _bytes(vars(values)) if hasattr(values, "__dict__") and not isinstance(values, type) else 0
