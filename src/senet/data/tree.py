"""What lies in a data folder: classes, their images, and what was passed over. Nothing is opened here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from senet.data.images import EXTENSIONS
from senet.errors import DataError
from senet.text import plain

# Written by tools into data folders; never data.
TOOLS = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")
SPLITS, HELD_OUT = ("train", "val", "test"), ("val", "test")
LAYOUT = "lay the images out as train/<class>/*.jpg and test/<class>/*.jpg"

Why = Literal["hidden", "other", "loop", "unreadable"]


def hidden(name: str) -> bool:
    """Whether a file or folder is a tool's own: it begins with a dot, or is one of :data:`TOOLS`."""
    return name.startswith(".") or name in TOOLS


@dataclass(frozen=True)
class Passed:
    """Something in the folder that is not read as data.

    Args:
        path: Where.
        why: For counting.
    """

    path: Path
    why: Why


@dataclass(frozen=True)
class Tree:
    """The class folders of one split.

    Args:
        folder: The split's folder.
        images: Paths by class name, both sorted by code point.
        passed: What is not data: hidden and tools' names, files without an image's ending, links that go in a
            circle, folders that cannot be read.
    """

    folder: Path
    images: dict[str, tuple[Path, ...]]
    passed: tuple[Passed, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the class folders, those without images included."""
        return tuple(self.images)


def scan(folder: Path) -> Tree:
    """List a split's class folders; links are followed, but never in a circle.

    Raises:
        DataError: The split's own folder cannot be listed.
    """
    passed: list[Passed] = []
    images: dict[str, tuple[Path, ...]] = {}
    try:
        entries = _entries(folder)
    except OSError as error:
        raise DataError(f"cannot list the folder: {error.strerror}", where=plain(folder), do=LAYOUT) from error
    for entry in entries:
        path = folder / entry.name
        if hidden(entry.name):
            passed.append(Passed(path, "hidden"))
        elif _is_folder(entry):
            images[entry.name] = tuple(_walk(path, (_identity(folder),), passed))
        else:
            passed.append(Passed(path, "other"))
    return Tree(folder, images, tuple(passed))


def images_below(folder: Path) -> tuple[list[Path], list[Passed]]:
    """List the images of a folder at any depth, and what is not one, as :func:`scan` does."""
    passed: list[Passed] = []
    return list(_walk(folder, (), passed)), passed


def held_out(root: Path) -> tuple[str, ...]:
    """Return which of val and test a data folder has, or refuse it.

    Raises:
        DataError: No train folder, nothing held out, or no folder at all.
    """
    require_folder(root)
    if not (root / "train").is_dir():
        above = root.parent / "train"
        whole = f"it is one split: name the folder above, folder:{root.parent}"
        raise DataError(f"{root} has no train/ folder", do=whole if root.name in SPLITS and above.is_dir() else LAYOUT)
    found = tuple(name for name in HELD_OUT if (root / name).is_dir())
    if not found:
        raise DataError(f"{root} has neither val/ nor test/", do="hold some images out in one of them")
    return found


def require_folder(root: Path) -> None:
    """Refuse a data folder that is none.

    Raises:
        DataError: It is a file, or not there.
    """
    if root.is_file():
        raise DataError(
            "a file, not a folder: archives are not read",
            where=plain(root),
            do="unpack it yourself, from a source that you trust, and name the folder",
        )
    if not root.is_dir():
        raise DataError("no such folder", where=plain(root), do=LAYOUT)


def _walk(folder: Path, above: tuple[tuple[int, int], ...], passed: list[Passed]) -> Iterator[Path]:
    try:
        own, entries = _identity(folder), _entries(folder)
    except OSError:
        passed.append(Passed(folder, "unreadable"))
        return
    if own in above:
        passed.append(Passed(folder, "loop"))
        return
    for entry in entries:
        path = folder / entry.name
        if hidden(entry.name):
            passed.append(Passed(path, "hidden"))
        elif _is_folder(entry):
            yield from _walk(path, (*above, own), passed)
        elif path.suffix.lower() in EXTENSIONS:
            yield path  # a link that leads nowhere too: reading it says so
        else:
            passed.append(Passed(path, "other"))


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
