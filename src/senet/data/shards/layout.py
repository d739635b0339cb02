"""Which shards make up which split: by ``index.json``, or by the names that WebDataset and Hugging Face give."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from senet.data.shards import index
from senet.data.shards.index import ENDINGS, ShardEntry
from senet.data.sources.folder_tree import is_hidden
from senet.data.sources.split_names import SPLITS
from senet.data.unused import Unused, UnusedReason, group_unused
from senet.errors import DataError
from senet.utils.text import printable

COPIED = "copied.json"  # of a copy: what lies at its address
BESIDE = "beside.json"  # of a copy: what else lies there
OURS = frozenset((COPIED, BESIDE, ".lock", ".shard.tmp"))
LAYOUT = "name shards train-00000.tar (or .parquet), ... and val-00000.tar or test-00000.tar, or use senet data pack"
NUMBERED = re.compile(r"(|.*?\D)(\d+)(?:-of-(\d+))?")


@dataclass(frozen=True)
class ShardLayout:
    """The shards of a folder.

    Args:
        root: The folder.
        shards: File names of each split, relative to the root, in order; missing ones too.
        classes: The class map of an index; None without one.
        entries: What the index says of each shard; empty without one.
        missing: Shards that should be there.
    """

    root: Path
    shards: dict[str, tuple[str, ...]]
    classes: tuple[str, ...] | None = None
    entries: dict[str, ShardEntry] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def missing_of(self, split: str) -> list[str]:
        """Return which shards of a split are not there."""
        return [name for name in self.shards[split] if name in self.missing]


def find_shards(root: Path) -> ShardLayout:
    """List the shards of a folder; none is opened.

    Raises:
        DataError: No folder, or a broken index.
    """
    if not root.is_dir():
        raise DataError("no such folder", where=printable(root), do=LAYOUT)
    known = index.read(root)
    return _plain(root) if known is None else _indexed(root, known)


def is_sharded(root: Path) -> bool:
    """Whether a folder holds shards and not class folders."""
    train = root / "train"
    if not root.is_dir() or (train.is_dir() and any(path.is_dir() for path in train.iterdir())):
        return False
    return (root / index.INDEX).is_file() or bool(_names(root))


def has_other_folders(root: Path) -> bool:
    """Whether a folder holds folders that are of no split: class folders alone."""
    return any(
        path.is_dir() and not is_hidden(path.name) and not path.name.startswith(SPLITS) for path in root.iterdir()
    )


def _indexed(root: Path, known: index.ShardIndex) -> ShardLayout:
    shards = {split: tuple(e.name for e in known.splits[split]) for split in SPLITS if known.splits.get(split)}
    entries = {entry.name: entry for entries in known.splits.values() for entry in entries}
    missing = tuple(name for name in entries if not (root / name).is_file())
    return ShardLayout(root, shards, known.classes, entries, missing)


def _plain(root: Path) -> ShardLayout:
    there = _names(root)
    missing = {*missing_numbers(there), *copied_stamps(root)}.difference(there)
    return ShardLayout(root, by_split(sorted({*there, *missing})), missing=tuple(sorted(missing)))


def unused_beside_shards(layout: ShardLayout) -> tuple[Unused, ...]:
    """Return what lies beside the shards and is of no split."""
    ours = {name for names in layout.shards.values() for name in names}
    ours |= {
        index.INDEX,
        *(OURS if (layout.root / COPIED).is_file() else ()),
        *(str(PurePosixPath(name).with_suffix(".json")) for name in layout.entries),
    }
    found: list[tuple[UnusedReason, str, str]] = []
    for path in sorted(layout.root.rglob("*")):
        name = path.relative_to(layout.root)
        if path.is_file() and name.as_posix() not in ours:
            found.append((_why(name), "", name.as_posix()))
    return group_unused([*found, *((_why(PurePosixPath(name)), "", name) for name in _named(layout.root / BESIDE))])


def _why(name: PurePath) -> UnusedReason:
    return "hidden" if any(map(is_hidden, name.parts)) else "beside"


def naming_advice(root: Path) -> str:
    """Say what to do about shards that are there and begin with no split, or lie one folder below; else how it is."""
    below = sorted(path for path in root.glob("*/*") if is_shard(path.name))
    if below:
        return f"name the folder of the shards: --data shards:{below[0].parent}"
    named = sorted(path.name for path in root.iterdir() if path.suffix in ENDINGS and path.is_file())
    return f"{printable(named[0])} begins with no split: {LAYOUT}" if named else LAYOUT


def copied_stamps(root: Path) -> dict[str, str]:
    """Return what a copy has of its address, by the name of each shard; empty for any other folder."""
    return _named(root / COPIED)


def _named(path: Path) -> dict[str, str]:
    """Return what a copy keeps by the names of an address's files; empty where it keeps nothing."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


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
    files = (path for folder in folders for path in folder.iterdir() if path.is_file())
    return sorted(filter(is_shard, (path.relative_to(root).as_posix() for path in files)))


def is_shard(name: str) -> bool:
    """Whether a path, relative to the folder of the shards, is by its name one of them."""
    path = PurePosixPath(name)
    return path.suffix in ENDINGS and name.startswith(SPLITS) and not is_hidden(path.name)


def missing_numbers(names: Iterable[str]) -> Iterable[str]:
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
