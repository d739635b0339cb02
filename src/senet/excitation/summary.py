"""What was found of a network's gates on images, as values: what the table, the page, the figures and files show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from senet.data.unused import Unused

Numbers = tuple[float, ...]
"""One for each value of a gate, in the order of its axes; NaN where there is none."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class ImageGroup:
    """Images that are shown together: all, or those of one class.

    Args:
        name: Of the class in the data; ``all``, or ``all images`` where a class is called so.
        title: What people call it; may be empty.
        images: Of it that were seen, readable ones.
    """

    name: str
    title: str
    images: int


@dataclass(frozen=True)
class GateProfile:
    """Each value of a gate over a group of images.

    Args:
        images: Whose values are finite, and so counted here.
        mean: Over images.
        deviation: Standard deviation over images, with n - 1; NaN for fewer than two.
        quantiles: At :data:`QUANTILES`, one row each; from a histogram, so exact to 1/64 of the gate's range. Empty
            where the range is not known.
    """

    images: int
    mean: Numbers
    deviation: Numbers
    quantiles: tuple[Numbers, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """A number of a sample and its 95% interval; NaN where the images cannot give one.

    Args:
        value: Of the sample.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GateSummary:
    """What one gate did.

    Args:
        name: Of the module that computes it.
        kind: What it weighs: ``channels``, ``positions`` or ``branches``; ``context`` is added to channels.
        shape: Of its values for one image: (C,), (H, W), (M, C).
        low: Lower end of its range, -inf where it has none or is not known.
        high: Upper end.
        slow: Whether it is read operator by operator, having no module that returns it.
        not_finite: Images left out since a value of theirs is NaN or infinite.
        mean: Of all values of all images.
        saturated_low: Share of all values within 1% of the range of its lower end; NaN where there is no such end.
        saturated_high: Of its upper end.
        constant: Share of the values, as of channels, that are the same for every image.
        specificity: Share of the variance over images that lies between classes (epsilon squared, the sum over all
            values): 0 where classes do not differ, 1 where the class alone decides.
        redundancy: Mean absolute correlation between two values over images.
        rank: Effective rank of the values over images (Roy and Vetterli 2007): in how many directions they vary.
        profiles: Of each of :attr:`Excitation.groups`, in their order.
        most: Of each value, numbers of the images (:attr:`Excitation.images`) in which it is highest, highest first.
        least: In which it is lowest.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    low: float
    high: float
    slow: bool
    not_finite: int
    mean: float
    saturated_low: float
    saturated_high: float
    constant: float
    specificity: Estimate
    redundancy: float
    rank: float
    profiles: tuple[GateProfile, ...]
    most: tuple[tuple[int, ...], ...]
    least: tuple[tuple[int, ...], ...]

    @property
    def saturated(self) -> float:
        """Share of all values at either end; NaN where no end is known."""
        ends = [share for share in (self.saturated_low, self.saturated_high) if share == share]
        return sum(ends) if ends else float("nan")


@dataclass(frozen=True)
class BranchPreference:
    """How a selective kernel's choice moves with the size of what is seen: figures 3 and 4 of arXiv 1903.06586.

    Args:
        name: Of the gate.
        scale: 1 is the image as it is, 1.5 and 2 are its centre, enlarged.
        difference: Weight of the last branch less that of the first, mean over channels, and over images with a 95%
            interval.
    """

    name: str
    scale: float
    difference: Estimate


@dataclass(frozen=True)
class SpatialMaps:
    """What the gates over positions do with one image, layer by layer.

    Args:
        image: Number of the image.
        maps: By gate: rows of weights, (H, W).
        activation: Class activation map of the network's own guess, (H, W) in 0..1; empty where there is none.
        guess: The class that it is of.
    """

    image: int
    maps: Mapping[str, tuple[Numbers, ...]]
    activation: tuple[Numbers, ...] = ()
    guess: str = ""


@dataclass(frozen=True)
class Excitation:
    """All that was found.

    Args:
        title: Network and attention.
        where: The weights.
        data: Name of the split.
        images: Names of the images, by number.
        labels: Of each image, the number of its class among `classes`.
        unreadable: How many images could not be read.
        classes: All classes of the data, with how many images each has here.
        groups: ``all`` first, then the classes that are shown.
        gates: In the order in which they run.
        silent: Names of gates that did not run.
        bytes: That the statistics take, whatever the number of images.
        pictures: By an image's number, a small JPEG as a data URI.
        preferences: Of selective kernels.
        maps: Of gates over positions.
        particulars: Settings and environment, nested plain values.
        notes: What a reader has to know, one sentence each.
        unused: What of the data was not looked at.
    """

    title: str
    where: str
    data: str
    images: tuple[str, ...]
    labels: tuple[int, ...]
    unreadable: int
    classes: tuple[ImageGroup, ...]
    groups: tuple[ImageGroup, ...]
    gates: tuple[GateSummary, ...]
    silent: tuple[str, ...] = ()
    bytes: int = 0
    pictures: Mapping[int, str] = field(default_factory=dict)
    preferences: tuple[BranchPreference, ...] = ()
    maps: tuple[SpatialMaps, ...] = ()
    particulars: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()
