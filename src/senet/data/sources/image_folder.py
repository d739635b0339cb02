"""Images in class folders: ``train/<class>/*.jpg`` with ``val/`` and/or ``test/`` beside it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.check.report import CheckFinding, Severity
from senet.data.images.decode import EXTENSIONS
from senet.data.loader.samples import pack_paths
from senet.data.sources.folder_tree import LAYOUT, FolderTree, require_folder, scan_folder, unused_beside_splits
from senet.data.sources.source import HOLD_OUT, SourceInspection, SplitListing
from senet.data.sources.split_names import split_folders
from senet.data.unused import Unused
from senet.errors import DataError
from senet.utils.text import printable

SKIPPED = {
    "hidden": "hidden or a tool's own: ignored",
    "other": "not an image by its name: ignored",
    "format": "an image of a kind that is not read: convert it to .png or .jpg",
    "loop": "a link that leads back to a folder above: not followed",
    "empty-class": "a folder without images: no class",
    "unreadable-folder": "a folder that cannot be read",
}


@dataclass(frozen=True)
class FolderSource:
    """Class folders, which are the class map in the order of their names by code point, so "1", "10", "2".

    Args:
        root: The folder that holds ``train/`` and so on, or the class folders themselves.
    """

    root: Path

    @property
    def where(self) -> str:
        """The path."""
        return str(self.root)

    @property
    def augmentation(self) -> None:
        """Nobody says."""

    @property
    def name(self) -> str:
        """The source."""
        return f"folder:{self.root}"

    @cached_property
    def folders(self) -> dict[str, Path]:
        """The folder of each split; of none the root itself, where it holds the class folders."""
        require_folder(self.root)
        return split_folders(self.root) or {"": self.root}

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are; ``("",)`` where the folder holds the class folders themselves."""
        return tuple(self.folders)

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """What lies in the folder and in no split."""
        return unused_beside_splits(self.root)

    def require_splits(self) -> None:
        """Refuse a folder without ``train/``, or without ``val/`` and ``test/``."""
        require_folder(self.root)
        above = split_folders(self.root.parent)
        if self.root in above.values() and len(above) > 1:
            do = f"name the folder above, folder:{self.root.parent}"
            raise DataError("the folder is one split of a data set", where=printable(self.root), do=do)
        if self.splits == ("",) and not any(path.is_dir() for path in self.root.iterdir()):
            raise DataError("the folder has no class folders", where=printable(self.root), do=LAYOUT)
        if self.splits == ("",):
            raise DataError("class folders alone: no images are held out", where=printable(self.root), do=HOLD_OUT)
        if "train" not in self.splits:
            raise DataError("the folder has no train/ folder", where=printable(self.root), do=LAYOUT)
        if len(self.splits) < 2:
            raise DataError("the folder has neither val/ nor test/", where=printable(self.root), do=HOLD_OUT)

    def read(self, split: str) -> SplitListing:
        """List the images of a split, class by class."""
        return read_folder(self.folders[split], self.root, split)

    def inspect(self, split: str) -> SourceInspection:
        """List the images of a split, and what is passed over."""
        tree = scan_folder(self.folders[split])
        return SourceInspection(_listed(tree, self.root, split), tuple(self._passed(tree, split)))

    def _passed(self, tree: FolderTree, split: str) -> Iterator[CheckFinding]:
        # In train it may be a class whose images are lost: training does without it, and says so.
        errors = {"unreadable-folder", *(["empty-class"] if split in ("train", "") else [])}
        for skipped in tree.skipped:
            severity: Severity = "error" if skipped.why in errors else "note"
            yield CheckFinding(skipped.why, severity, os.path.relpath(skipped.path, self.root), SKIPPED[skipped.why])


def read_folder(folder: Path, root: Path | None = None, split: str = "") -> SplitListing:
    """List the images of class folders; nothing is opened.

    Args:
        folder: Holds a folder for each class.
        root: What the images' names are relative to; the folder itself if None.
        split: That it is, for what is not used.

    Raises:
        DataError: It cannot be listed, has no class folders or no images, or one that cannot be read.
    """
    tree = scan_folder(folder)
    for skipped in tree.skipped:
        if skipped.why == "unreadable-folder":  # its images would be missing without a word
            raise DataError("a folder that cannot be read", where=printable(skipped.path), do="mend its permissions")
    if not tree.images and all(one.why != "empty-class" for one in tree.skipped):
        raise DataError("the folder has no class folders", where=printable(folder), do=LAYOUT)
    if not tree.images:
        raise DataError("no images", where=printable(folder), do=f"images end in {' '.join(EXTENSIONS)}")
    return _listed(tree, root or folder, split)


def _listed(tree: FolderTree, root: Path, split: str) -> SplitListing:
    paths = [path for images in tree.images.values() for path in images]
    labels = [name for name, images in tree.images.items() for _ in images]
    return SplitListing(pack_paths(root, paths), labels, tree.classes, printable(tree.folder), tree.unused(split, root))
