"""Stratified splits that depend on the labels and a seed alone; a source divided into what training needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from senet.data.loader.dataset import Split
from senet.data.loader.samples import LabelledSamples, Samples
from senet.data.sources.source import Source, class_names, labelled_samples
from senet.data.unused import Unused, warn_unused
from senet.errors import DataError, UsageError
from senet.utils.text import printable

# Splits are part of the data set, not of a trial: every seed trains on the same images.
SPLIT_SEED = 0
TEST_SHARE = 0.3
VALIDATION_SHARE = 0.1
Images = TypeVar("Images", LabelledSamples, Split)


@dataclass(frozen=True, eq=False)
class DataSplits:
    """A data set divided for training, nothing decoded.

    Args:
        source: Where it comes from.
        classes: Names, in the order of the labels.
        train: Images to train on.
        validation: Chooses what is saved as best.
        test: Is scored once; the same object as ``validation`` where nothing else is held out and no share is taken.
        listed: The images of every split of the source, the training ones first, before any share is taken.
        unused: What the source has beside these.
    """

    source: Source
    classes: tuple[str, ...]
    train: LabelledSamples
    validation: LabelledSamples
    test: LabelledSamples
    listed: tuple[Samples, ...]
    unused: tuple[Unused, ...] = ()


def divided(source: Source, validation_share: float = VALIDATION_SHARE, train_fraction: float = 1.0) -> DataSplits:
    """Divide a source, and warn of what of it is not used. Where only one of val and test exists, it is the test split.

    Args:
        source: Has train, and val and/or test.
        validation_share: Stratified share of the training images that validates where only one split is held out, in
            [0, 1); with 0, the papers' way, validation and test are the same images.
        train_fraction: Stratified share of the remaining training images to train on, in (0, 1].

    Raises:
        UsageError: An impossible share.
        DataError: Splits are missing or unreadable, a class that train does not know, a class with one image to divide.
    """
    if not 0 < train_fraction <= 1:
        raise UsageError(f"train_fraction={train_fraction} is not in (0, 1]", do="1 is all of them")
    source.require_splits()
    listed = {split: source.read(split) for split in source.splits}
    classes = class_names(listed["train"])
    train, *held = (labelled_samples(one, classes, split=split) for split, one in listed.items())
    whole = tuple(files.samples for files in (train, *held))
    unused = (*source.outside_splits, *train.unused, *(record for files in held for record in files.unused))
    warn_unused(unused)
    if len(held) == 1 and validation_share > 0:
        train, taken = stratified_split(train, validation_share, SPLIT_SEED, "val", classes)
        held.insert(0, taken)
    if train_fraction < 1:
        _, train = stratified_split(train, train_fraction, SPLIT_SEED, "train", classes)
    return DataSplits(source, classes, train, held[0], held[-1], whole, unused)


def stratified_split(
    images: Images, fraction: float, seed: int, what: str, classes: Sequence[str] = ()
) -> tuple[Images, Images]:
    """Take a stratified share away from a split.

    Args:
        images: What to divide, decoded or not.
        fraction: Share of each class that goes to the second part; every class keeps at least one image in
            each part.
        seed: Of the permutation.
        what: Name of the second part, for the error.
        classes: Names of the labels, for the error.

    Returns:
        The rest and the share, both in the original order.

    Raises:
        DataError: A class has a single image.
    """
    taken = stratified_mask(images.labels, fraction, seed, what, classes)
    return images.subset((~taken).nonzero().flatten()), images.subset(taken.nonzero().flatten())


def stratified_mask(labels: Tensor, fraction: float, seed: int, what: str, classes: Sequence[str] = ()) -> Tensor:
    """Return which images :func:`stratified_split` takes away, (N,) bool.

    Raises:
        DataError: A class has a single image.
    """
    taken = torch.zeros(len(labels), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    found, counts = labels.unique(return_counts=True)
    parts = labels.argsort(stable=True).split(counts.tolist())  # one pass: there may be many thousand classes
    for label, members in zip(found.tolist(), parts, strict=True):
        if len(members) < 2:
            name = repr(printable(classes[label])) if classes else label
            raise DataError(
                f"class {name} has {len(members)} training image: none can go to the {what} split",
                do=f"add images of it, or bring a {what}/ folder",
            )
        taken[_draw(members, fraction, generator)] = True
    return taken


def _draw(members: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    count = min(max(round(fraction * len(members)), 1), len(members) - 1)
    return members[torch.randperm(len(members), generator=generator)[:count]]
