"""Images in class folders: ``train/<class>/*.jpg`` with ``val/`` and/or ``test/`` beside it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.images import EXTENSIONS
from senet.data.record import Finding, Severity
from senet.data.samples import pack
from senet.data.source import SPLITS, Inspected, Listed
from senet.data.tree import LAYOUT, Tree, held_out, require_folder, scan
from senet.errors import DataError
from senet.text import plain

PASSED = {
    "hidden": "hidden or a tool's own: ignored",
    "other": "not an image by its name: ignored",
    "loop": "a link that leads back to a folder above: not followed",
    "unreadable": "a folder that cannot be read",
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
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are; ``("",)`` where the folder holds the class folders themselves."""
        require_folder(self.root)
        found = tuple(name for name in SPLITS if (self.root / name).is_dir())
        return found or ("",)

    def require_splits(self) -> None:
        """Refuse a folder without ``train/``, or without ``val/`` and ``test/``."""
        held_out(self.root)

    def read(self, split: str) -> Listed:
        """List the images of a split, class by class."""
        return read_folder(self.root / split, self.root)

    def inspect(self, split: str) -> Inspected:
        """List the images of a split, and what is passed over."""
        tree = scan(self.root / split)
        return Inspected(_listed(tree, self.root), tuple(self._passed(tree)))

    def _passed(self, tree: Tree) -> Iterator[Finding]:
        for passed in tree.passed:
            severity: Severity = "error" if passed.why == "unreadable" else "note"
            yield Finding(passed.why, severity, os.path.relpath(passed.path, self.root), PASSED[passed.why])


def read_folder(folder: Path, root: Path | None = None) -> Listed:
    """List the images of class folders; nothing is opened.

    Args:
        folder: Holds a folder for each class.
        root: What the images' names are relative to; the folder itself if None.

    Raises:
        DataError: It cannot be listed, has no class folders or no images, or one that cannot be read.
    """
    tree = scan(folder)
    for passed in tree.passed:
        if passed.why == "unreadable":  # its images would be missing without a word
            raise DataError("a folder that cannot be read", where=plain(passed.path), do="mend its permissions")
    if not tree.images:
        raise DataError("the folder has no class folders", where=plain(folder), do=LAYOUT)
    if not any(tree.images.values()):
        raise DataError("no images", where=plain(folder), do=f"images end in {' '.join(EXTENSIONS)}")
    return _listed(tree, root or folder)


def _listed(tree: Tree, root: Path) -> Listed:
    paths = [path for images in tree.images.values() for path in images]
    labels = [name for name, images in tree.images.items() for _ in images]
    return Listed(pack(root, paths), labels, tree.classes, plain(tree.folder))
