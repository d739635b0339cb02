"""How a selective kernel's choice moves with the size of what is seen: figures 3 and 4 of arXiv 1903.06586."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from senet.errors import UsageError
from senet.excitation.recording.gates import Gate, Kind
from senet.excitation.recording.record import Recorded, record
from senet.excitation.summary import BranchPreference, Estimate
from senet.inference.classifier import Classifier
from senet.inference.forward import compute_logits

SCALES = (1.0, 1.5, 2.0)
"""The paper's: the image as it is, and its centre enlarged."""
NO_SPREAD = 1e-7
"""Deviations below it are rounding of float32 weights, which lie in 0..1."""


def branch_preferences(
    classifier: Classifier, images: Iterable[Tensor], scales: Sequence[float] = SCALES
) -> tuple[BranchPreference, ...]:
    """Show a model the same images at several scales, and say which branches its gates prefer.

    The weight of a gate's last branch less that of its first, mean over channels; their mean over images, with a 95%
    Student-t interval. The last branch of :class:`~senet.attention.SK` sees most unless its spec says otherwise;
    :func:`~senet.excitation.images.branches.branch_notes` says where it does not, and where that is not known.

    What is enlarged is the network's input, not the file, so it is smoother than a photograph of the same thing nearer
    by. Only sums are kept. Without a gate over branches one batch is all that is read.

    Args:
        classifier: Model and input.
        images: Batches (B, C, H, W) uint8, of the transform's size.
        scales: 1 or more.

    Returns:
        By gate, in the order in which they run, then by scale; empty where no gate weighs branches. NaN where a weight
        was, and as ends of an interval for fewer than two images, or if all images have the same preference.

    Raises:
        UsageError: A scale below 1, or a model that :func:`~senet.excitation.recording.record` refuses.
    """
    _require_scales(scales)
    model, sums = classifier.model, defaultdict[tuple[str, float], RunningSums](RunningSums)
    device = next(model.parameters()).device
    with torch.no_grad(), record(model) as recorded:
        for batch in images:
            for scale in scales:
                compute_logits(
                    model, classifier.transform.normalise(center_zoom(batch, scale).to(device)), classifier.compute
                )
                for gate in _over_branches(recorded):
                    sums[gate.name, scale].add(branch_preference(gate))
            if not sums:
                break
        names = [name for name in recorded.gates if (name, scales[0]) in sums]
    return tuple(BranchPreference(name, scale, sums[name, scale].estimate()) for name in names for scale in scales)


def _require_scales(scales: Sequence[float]) -> None:
    if not scales or not all(math.isfinite(scale) and scale >= 1 for scale in scales):
        raise UsageError(f"scales={tuple(scales)}: each enlarges the centre of an image", do="give numbers from 1 on")


def _over_branches(recorded: Recorded) -> Iterator[Gate]:
    return (gate for gate in recorded.gates.values() if gate.kind is Kind.BRANCHES and gate.values is not None)


def branch_preference(gate: Gate) -> Tensor:
    """Return the weight of the last branch less that of the first, mean over channels, of each image: (B,)."""
    if gate.values is None:
        return torch.empty(0)
    return (gate.values[:, -1] - gate.values[:, 0]).mean(1)


def center_zoom(images: Tensor, scale: float) -> Tensor:
    """Cut the centre out of images and bring it back to their size.

    Bilinear, without antialiasing, since nothing shrinks.

    Args:
        images: (B, C, H, W) uint8.
        scale: The crop is H / scale by W / scale, rounded to pixels; 1 leaves the images as they are.

    Returns:
        (B, C, H, W) uint8.
    """
    size = height, width = images.shape[-2], images.shape[-1]
    h, w = (max(1, round(side / scale)) for side in size)
    if (h, w) == size:
        return images
    top, left = (height - h) // 2, (width - w) // 2
    centre = images[..., top : top + h, left : left + w].float()
    return F.interpolate(centre, size, mode="bilinear", align_corners=False).round().to(torch.uint8)


@dataclass
class RunningSums:
    """Of numbers within -1..1, so that float64 loses nothing that shows.

    Args:
        count: n.
        total: Sum.
        squares: Sum of squares.
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: Tensor) -> None:
        """Add numbers, (B,)."""
        numbers = values.double()
        self.count += len(numbers)
        self.total += float(numbers.sum())
        self.squares += float(numbers.square().sum())

    def estimate(self) -> Estimate:
        """Return the mean and its Student-t interval."""
        mean = self.total / self.count if self.count else math.nan
        half = self._half_width(mean)
        return Estimate(mean, mean - half, mean + half)

    def _half_width(self, mean: float) -> float:
        from scipy.special import stdtrit  # of the extra `cli`; the room needs it nowhere else

        if self.count < 2:
            return math.nan
        deviation = math.sqrt(max(self.squares - self.count * mean**2, 0.0) / (self.count - 1))
        return (
            float(stdtrit(self.count - 1, 0.975)) * deviation / self.count**0.5 if deviation > NO_SPREAD else math.nan
        )
