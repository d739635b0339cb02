"""Which shards make up which split: by ``index.json``, or by the names that WebDataset and Hugging Face give."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from senet.data.shards import index
from senet.data.shards.index import Entry
from senet.data.tree import hidden
from senet.errors import DataError
from senet.text import plain

SPLITS = ("train", "val", "test")
ENDINGS = (".tar", ".parquet")
LAYOUT = "name shards train-00000.tar (or .parquet), ... and val-00000.tar or test-00000.tar, or use senet data pack"
NUMBERED = re.compile(r"(|.*?\D)(\d+)(?:-of-(\d+))?")


@dataclass(frozen=True)
class Layout:
    """The shards of a folder.

    Args:
        root: The folder.
        shards: File names of each split, relative to the root, in order.
        classes: The class map of an index; None without one.
        entries: What the index says of each shard; empty without one.
        missing: Shards that should be there.
    """

    root: Path
    shards: dict[str, tuple[str, ...]]
    classes: tuple[str, ...] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def find(root: Path) -> Layout:
    """List the shards of a folder; none is opened.

    Raises:
        DataError: No folder, nothing to train on, nothing held out, or a broken index.
    """
    if not root.is_dir():
        raise DataError("no such folder", where=plain(root), do=LAYOUT)
    known = index.read(root)
    layout = _plain(root) if known is None else _indexed(root, known)
    if "train" not in layout.shards or len(layout.shards) < 2:
        found = ", ".join(layout.shards) or "none"
        raise DataError(
            f"there must be shards of train and of val or test; found: {found}", where=plain(root), do=LAYOUT
        )
    return layout


def is_sharded(root: Path) -> bool:
    """Whether a folder holds shards and not class folders."""
    train = root / "train"
    if not root.is_dir() or (train.is_dir() and any(path.is_dir() for path in train.iterdir())):
        return False
    return (root / index.INDEX).is_file() or bool(_names(root))


def _indexed(root: Path, known: index.Index) -> Layout:
    shards = {split: tuple(e.name for e in known.splits[split]) for split in SPLITS if known.splits.get(split)}
    entries = {entry.name: entry for entries in known.splits.values() for entry in entries}
    missing = tuple(name for name in entries if not (root / name).is_file())
    return Layout(root, shards, known.classes, entries, missing)


def _plain(root: Path) -> Layout:
    names = _names(root)
    return Layout(root, by_split(names), missing=tuple(gaps(names)))


def by_split(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of each split that there is."""
    found = {split: tuple(name for name in names if split_of(name) == split) for split in SPLITS}
    return {split: names for split, names in found.items() if names}


def split_of(name: str) -> str | None:
    """Return the split that a shard's name begins with; ``validation`` is val."""
    return next((split for split in SPLITS if name.startswith(split)), None)


def _names(root: Path) -> list[str]:
    """Return ``train-0.tar`` and ``train/0.tar`` alike; ``validation`` is val."""
    folders = [root, *(path for path in root.iterdir() if path.name.startswith(SPLITS) and path.is_dir())]
    files = (path for folder in folders for path in folder.iterdir() if path.suffix in ENDINGS and path.is_file())
    names = (path.relative_to(root).as_posix() for path in files if not hidden(path.name))
    return sorted(name for name in names if name.startswith(SPLITS))


def gaps(names: Iterable[str]) -> Iterable[str]:
    """Return numbers that are left out; the last ones can be missed only where names say ``-of-00040``."""
    series: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name in names:
        path = Path(name)
        if match := NUMBERED.fullmatch(path.stem):
            series[str(path.parent / match[1]), match[3] or "", path.suffix].append(match[2])
    for (prefix, of, suffix), numbers in series.items():
        for number in _absent(numbers, of):
            yield f"{prefix}{number}{f'-of-{of}' if of else ''}{suffix}"


def _absent(numbers: Sequence[str], of: str) -> list[str]:
    there = {int(number) for number in numbers}
    whole = range(int(of)) if of else range(min(there), max(there) + 1)
    if len(whole) > 2 * len(there) + 1000:  # not a series: years, ids
        return []
    return [str(number).zfill(len(numbers[0])) for number in whole if number not in there]
