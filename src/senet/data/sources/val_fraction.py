"""A share of a source's training images as its validation split, where it has none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import tensor

from senet.data.loader.dataset import Augmentation
from senet.data.sampling.split import SPLIT_SEED, stratified_mask
from senet.data.sources.source import Label, Source, SourceInspection, SplitListing, class_name
from senet.data.sources.split_names import SPLITS
from senet.data.unused import Unused
from senet.errors import UsageError


@dataclass(frozen=True)
class ValFractionSource:
    """A source without a val split, and a stratified share of its training images as one; the same one for ever.

    Args:
        source: Has train, or images that are in no split, and may have test.
        fraction: Of the images of each class, in (0, 1); every class has one image at least on either side.

    Raises:
        UsageError: An impossible share, or the source has a val split.
    """

    source: Source
    fraction: float

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            raise UsageError(f"--val-fraction {self.fraction:g} is not between 0 and 1", do="--val-fraction 0.2")
        if "val" in self.source.splits:
            raise UsageError(f"{self.source.name} has a val split of its own", do="leave --val-fraction out")

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    @property
    def where(self) -> str:
        """The source's."""
        return self.source.where

    @property
    def augmentation(self) -> Augmentation | None:
        """The source's."""
        return self.source.augmentation

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the source, and val."""
        has = {split or "train" for split in self.source.splits}
        return tuple(split for split in SPLITS if split in has or (split == "val" and "train" in has))

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """The source's."""
        return self.source.outside_splits

    def require_splits(self) -> None:
        """Refuse a source without training images."""
        if "train" not in self.splits:
            self.source.require_splits()

    def read(self, split: str) -> SplitListing:
        """List the images of a split."""
        if split == "test":
            return self.source.read(split)
        return self._share(self.source.read(self._whole), split)

    def inspect(self, split: str) -> SourceInspection:
        """List the images of a split; what is wrong with the training images is said of train."""
        if split == "test":
            return self.source.inspect(split)
        found = self.source.inspect(self._whole)
        return SourceInspection(self._share(found.listed, split), found.findings if split == "train" else ())

    @property
    def _whole(self) -> str:
        return "train" if "train" in self.source.splits else ""

    def _share(self, listed: SplitListing, split: str) -> SplitListing:
        names = [class_name(label, listed.classes or ()) for label in listed.labels]
        classes = sorted(set(names))
        numbers = {name: number for number, name in enumerate(classes)}
        taken = stratified_mask(tensor([numbers[name] for name in names]), self.fraction, SPLIT_SEED, "val", classes)
        kept = (taken if split == "val" else ~taken).nonzero().flatten().tolist()
        labels: Sequence[Label] = [listed.labels[i] for i in kept]
        unused = listed.unused if split == "train" else ()
        return replace(listed, samples=listed.samples.subset(kept), labels=labels, unused=unused)
