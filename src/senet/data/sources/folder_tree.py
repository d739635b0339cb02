"""What lies in a data folder: classes, their images, and what was passed over. Nothing is opened here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from senet.data.images.decode import EXTENSIONS, UNSUPPORTED_EXTENSIONS
from senet.data.sources.split_names import split_folders
from senet.data.unused import Unused, UnusedReason, group_unused
from senet.errors import DataError
from senet.utils.text import printable

# Written by tools into data folders; never data.
TOOLS = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")
LAYOUT = "lay the images out as train/<class>/*.jpg and test/<class>/*.jpg"


def is_hidden(name: str) -> bool:
    """Whether a file or folder is a tool's own: it begins with a dot, or is one of :data:`TOOLS`."""
    return name.startswith(".") or name in TOOLS


@dataclass(frozen=True)
class SkippedFile:
    """Something in the folder that is not read as data.

    Args:
        path: Where.
        why: For counting.
    """

    path: Path
    why: UnusedReason


@dataclass(frozen=True)
class FolderTree:
    """The class folders of one split.

    Args:
        folder: The split's folder.
        images: Paths by class name, both sorted by code point; a folder without images is no class.
        skipped: What is not data: hidden and tools' names, files without an image's ending, links that go in a
            circle, folders that cannot be read or have no images.
    """

    folder: Path
    images: dict[str, tuple[Path, ...]]
    skipped: tuple[SkippedFile, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the class folders."""
        return tuple(self.images)

    def unused(self, split: str, root: Path) -> tuple[Unused, ...]:
        """Return what is not data as records, with names relative to a folder above."""
        return group_unused((one.why, split, os.path.relpath(one.path, root)) for one in self.skipped)


def scan_folder(folder: Path) -> FolderTree:
    """List a split's class folders; links are followed, but never in a circle.

    Raises:
        DataError: The split's own folder cannot be listed.
    """
    skipped: list[SkippedFile] = []
    images: dict[str, tuple[Path, ...]] = {}
    try:
        entries = _entries(folder)
    except OSError as error:
        raise DataError(f"cannot list the folder: {error.strerror}", where=printable(folder), do=LAYOUT) from error
    for entry in entries:
        path = folder / entry.name
        if is_hidden(entry.name):
            skipped.append(SkippedFile(path, "hidden"))
        elif _is_folder(entry):
            if found := tuple(_walk(path, (_identity(folder),), skipped)):
                images[entry.name] = found
            else:
                skipped.append(SkippedFile(path, "empty-class"))
        else:
            skipped.append(SkippedFile(path, _why_not(path)))
    return FolderTree(folder, images, tuple(skipped))


def images_below(folder: Path) -> tuple[list[Path], list[SkippedFile]]:
    """List the images of a folder at any depth, and what is not one, as :func:`scan_folder` does."""
    skipped: list[SkippedFile] = []
    return list(_walk(folder, (), skipped)), skipped


def unused_beside_splits(root: Path) -> tuple[Unused, ...]:
    """Return what lies in a data folder and in none of its splits; nothing of a folder that has no splits."""
    inside = {path.name for path in split_folders(root).values()}
    if not inside:
        return ()
    found: list[tuple[UnusedReason, str, str]] = []
    for entry in _entries(root):
        path = root / entry.name
        if is_hidden(entry.name):
            found.append(("hidden", "", entry.name))
        elif not _is_folder(entry):
            found.append(("beside", "", entry.name))
        elif entry.name not in inside:
            below = [os.path.relpath(image, root) for image in images_below(path)[0]]
            found += [("beside", "", name) for name in below or [f"{entry.name}/"]]
    return group_unused(found)


def require_folder(root: Path) -> None:
    """Refuse a data folder that is none.

    Raises:
        DataError: It is a file, or not there.
    """
    if root.is_file():
        raise DataError(
            "a file, not a folder: archives are not read",
            where=printable(root),
            do="unpack it yourself, from a source that you trust, and name the folder",
        )
    if not root.is_dir():
        raise DataError("no such folder", where=printable(root), do=LAYOUT)


def _walk(folder: Path, above: tuple[tuple[int, int], ...], skipped: list[SkippedFile]) -> Iterator[Path]:
    try:
        own, entries = _identity(folder), _entries(folder)
    except OSError:
        skipped.append(SkippedFile(folder, "unreadable-folder"))
        return
    if own in above:
        skipped.append(SkippedFile(folder, "loop"))
        return
    for entry in entries:
        path = folder / entry.name
        if is_hidden(entry.name):
            skipped.append(SkippedFile(path, "hidden"))
        elif _is_folder(entry):
            yield from _walk(path, (*above, own), skipped)
        elif path.suffix.lower() in EXTENSIONS:
            yield path  # a link that leads nowhere too: reading it says so
        else:
            skipped.append(SkippedFile(path, _why_not(path)))


def _why_not(path: Path) -> UnusedReason:
    """Say why a file is not read: an image that nothing here decodes is more of a loss than a text."""
    suffix = path.suffix.lower()
    return "format" if suffix in UNSUPPORTED_EXTENSIONS else "other"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
