"""What every data source is, wherever its images lie: named splits of images, and what it calls their classes."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from senet.data.check.report import CheckFinding
from senet.data.labels.class_map import class_map, require_known_classes
from senet.data.loader.dataset import Augmentation
from senet.data.loader.samples import LabelledSamples, Samples
from senet.data.unused import KEPT, Unused
from senet.errors import DataError
from senet.utils.text import printable

logger = logging.getLogger("senet")
FEW = 5  # names in a message
RENAME = "rename or remove them"
RENAME_OR_IGNORE = "rename them, or leave them out, ignore_unknown=True (--ignore-unknown)"
HOLD_OUT = "hold some out: --val-fraction 0.2"
OTHER_DATA = "name data of the weights' classes"

# Of a sample, as its source says it: the name of its class, or its number.
Label = int | str


@dataclass(frozen=True, eq=False)
class SplitListing:
    """The images of one split and the class of each, as the source says it.

    Args:
        samples: The images.
        labels: One of each; a number is a place among ``classes``.
        classes: The classes that the source states, in its order, those without images too; None where the labels
            are all that it says.
        where: The split, for messages.
        unused: What lies there and is not read.
    """

    samples: Samples
    labels: Sequence[Label]
    classes: tuple[str, ...] | None
    where: str
    unused: tuple[Unused, ...] = ()


@dataclass(frozen=True, eq=False)
class SourceInspection:
    """A split as a check sees it.

    Args:
        listed: What can be read of it.
        findings: What is wrong with the rest, and what is passed over.
    """

    listed: SplitListing
    findings: tuple[CheckFinding, ...] = ()


class Source(Protocol):
    """A data set that was found and not read yet."""

    @property
    def name(self) -> str:
        """The source, as the user wrote it."""

    @property
    def where(self) -> str:
        """Its path, address or name, for messages."""

    @property
    def augmentation(self) -> Augmentation | None:
        """What training in memory may do to an image without changing its class; None where it is not known."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are; ``("",)`` for images that are in no split."""

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """What lies there and belongs to no split."""

    def require_splits(self) -> None:
        """Refuse a source that has nothing to train on, or nothing held out.

        Raises:
            DataError: Says how it has to be laid out.
        """

    def read(self, split: str) -> SplitListing:
        """List the images of a split; none is decoded.

        Raises:
            DataError: What holds them is missing, unreadable or not what it says.
        """

    def inspect(self, split: str) -> SourceInspection:
        """List the images of a split as :meth:`read` does, and go on where something is wrong with it."""


def class_names(listed: SplitListing) -> tuple[str, ...]:
    """Return the class map that training images give: what the source states, else the labels' own.

    Names without a stated order are sorted by code point; numbers must be 0 to K - 1.

    Raises:
        DataError: Fewer than two classes, names that other file systems take for one, names and numbers mixed.
    """
    if listed.classes is not None:
        return class_map(listed.classes, listed.where)
    distinct = set(listed.labels)
    names = {label for label in distinct if isinstance(label, str)}
    if not names:
        return _numbers({label for label in distinct if isinstance(label, int)}, listed.where)
    if len(names) < len(distinct):
        raise DataError("some labels are numbers and some are names", where=listed.where, do="write all in one way")
    return class_map(sorted(names), listed.where)


def _numbers(found: set[int], where: str) -> tuple[str, ...]:
    if found != set(range(len(found))) or len(found) < 2:
        raise DataError(
            f"{len(found)} class numbers from {min(found, default=0)} to {max(found, default=0)}: "
            "they must be 0 to K - 1, each in train, and two at least",
            where=where,
            do="number the classes without gaps",
        )
    return tuple(map(str, range(len(found))))


def labelled_samples(
    listed: SplitListing, classes: Sequence[str], ignore_unknown: bool | None = None, split: str = ""
) -> LabelledSamples:
    """Return the images of a split with their numbers in a class map, and what of it is not used.

    Args:
        listed: The split.
        classes: The class map, of the training images or of weights.
        ignore_unknown: Leave out classes that the map does not have; None where nobody may ask for it.
        split: That it is.

    Raises:
        DataError: A class that the map does not have, or no images.
    """
    stated, known = listed.classes or classes, {name: number for number, name in enumerate(classes)}
    names = {label: class_name(label, stated) for label in dict.fromkeys(listed.labels)}
    found = list(dict.fromkeys((*(listed.classes or ()), *names.values())))
    samples, labels, left = listed.samples, listed.labels, listed.unused
    if not ignore_unknown:
        _require_known(found, classes, listed.where, of_training=ignore_unknown is None)
    elif any(name not in known for name in names.values()):
        kept = [i for i, label in enumerate(labels) if names[label] in known]
        unknown = Counter(names[label] for label in labels if names[label] not in known)
        groups = tuple(f"{name} ({count:,})" for name, count in unknown.most_common(KEPT))
        left = (*left, Unused("unknown-class", split, unknown.total(), groups))
        samples, labels = samples.subset(kept), [labels[i] for i in kept]
    if not labels:
        of = f" of a class that is known, but of {', '.join(map(printable, found[:FEW]))}" if listed.labels else ""
        do = OTHER_DATA if listed.labels else "senet data check says what lies there"
        raise DataError(f"no images{of}", where=listed.where, do=do)
    numbers = {label: known[name] for label, name in names.items() if name in known}
    there = set(numbers.values())
    _say_without([name for name in classes if known[name] not in there], listed.where)
    return LabelledSamples(samples, torch.tensor([numbers[label] for label in labels]), left)


def _require_known(found: Sequence[str], classes: Sequence[str], where: str, of_training: bool) -> None:
    if of_training:
        require_known_classes(found, classes, where, "they have no training images", RENAME)
    else:  # to ignore all would leave nothing
        do = RENAME_OR_IGNORE if set(found) & set(classes) else OTHER_DATA
        require_known_classes(found, classes, where, "the weights do not know them", do)


def class_name(label: Label, stated: Sequence[str]) -> str:
    """Return the name of a label's class."""
    if isinstance(label, int) and 0 <= label < len(stated):
        return stated[label]
    return str(label)


def _say_without(names: Sequence[str], where: str) -> None:
    if names:
        shown = ", ".join(repr(printable(name)) for name in names[:FEW])
        more = f" and {len(names) - FEW:,} more classes" if len(names) > FEW else ""
        whose = "its" if len(names) == 1 else "their"
        logger.warning("%s has no images of %s%s; %s numbers are n/a", where, shown, more, whose)
