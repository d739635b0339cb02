"""The images that ``senet excite`` shows to a model: a split of a source, under the classes of the data."""

from collections.abc import Sequence
from dataclasses import replace

from senet.cli.common.evaluation_data import choose_split
from senet.data import Loading, StreamSplit
from senet.data.labels.labels import Labels
from senet.data.sources.source import Source, SplitListing, class_name, labelled_samples
from senet.data.transforms.evaluation import InputTransform
from senet.data.unused import warn_unused
from senet.excitation.excite import ImageSplit, choose_classes


def open_images(
    source: Source,
    split: str | None,
    shown: Sequence[str] | None,
    labels: Labels | None,
    how: tuple[InputTransform, Loading, int],
) -> ImageSplit:
    """Open a split of a source.

    Args:
        source: The data.
        split: Of it; None is the one that is held out.
        shown: Names or titles of the classes that are shown; None for its first ones.
        labels: Of the model, whose titles the classes get.
        how: Input of the model, reading, and images at a time.

    Raises:
        DataError: It cannot be read.
        UsageError: It has no such class.
    """
    taken = choose_split(source, split)
    listed = _named(source.read(taken))
    classes = listed.classes or ()
    files = labelled_samples(listed, classes, split=taken)
    unused = (*source.outside_splits, *files.unused)
    warn_unused(unused)
    titles = _titles(labels, classes)
    seen = files.labels.bincount(minlength=len(classes)).tolist()
    name = ", ".join(filter(None, (source.name, taken)))
    chosen_ones = choose_classes(shown, classes, titles, seen)
    return ImageSplit(name, StreamSplit(files, *how), classes, titles, chosen_ones, unused)


def _named(listed: SplitListing) -> SplitListing:
    """Return a split with the classes that it has where it states none: numbers, which may have gaps, by size."""
    if listed.classes is not None:
        return listed
    labels = [class_name(label, ()) for label in listed.labels]
    return replace(listed, labels=labels, classes=tuple(sorted(set(labels), key=_in_order)))


def _in_order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (2**62, name)


def _titles(labels: Labels | None, classes: Sequence[str]) -> tuple[str, ...]:
    """Return what people call the data's classes, where the weights know them by name."""
    known = dict(zip(labels.names, labels.titles, strict=True)) if labels else {}
    return tuple(known.get(name, "") for name in classes)
