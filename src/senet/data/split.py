"""Stratified splits that depend on the labels and a seed alone."""

import torch
from torch import Tensor

from senet.data.dataset import Split
from senet.errors import DataError

# Splits are part of the data set, not of a trial: every seed trains on the same images.
SPLIT_SEED = 0
TEST_SHARE = 0.3
VALIDATION_SHARE = 0.1


def carve(split: Split, fraction: float, seed: int, what: str) -> tuple[Split, Split]:
    """Take a stratified share away from a split.

    Args:
        split: What to divide.
        fraction: Share of each class that goes to the second part; every class keeps at least one image in
            each part.
        seed: Of the permutation.
        what: Name of the second part, for the error.

    Returns:
        The rest and the share, both in the original order.

    Raises:
        DataError: A class has a single image.
    """
    taken = share_of(split.labels, fraction, seed, what)
    return split.subset(~taken), split.subset(taken)


def share_of(labels: Tensor, fraction: float, seed: int, what: str) -> Tensor:
    """Return which images :func:`carve` takes away, (N,) bool.

    Raises:
        DataError: A class has a single image.
    """
    taken = torch.zeros(len(labels), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        if len(members) < 2:
            raise DataError(
                f"class {label} has {len(members)} training image: none can go to the {what} split",
                do=f"add images of it, or bring a {what}/ folder",
            )
        taken[_draw(members, fraction, generator)] = True
    return taken


def _draw(members: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    count = min(max(round(fraction * len(members)), 1), len(members) - 1)
    return members[torch.randperm(len(members), generator=generator)[:count]]
