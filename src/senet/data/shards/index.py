"""``index.json``: what a packed folder holds, with checksums."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from senet.data.labels.class_map import from_json
from senet.errors import DataError
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.text import printable

FORMAT = "senet-shards"
VERSION = 1
INDEX = "index.json"
ENDINGS = (".tar", ".parquet")


@dataclass(frozen=True)
class ShardEntry:
    """One packed shard.

    Args:
        name: File name in the packed folder.
        samples: How many it holds.
        bytes: Its size.
        sha256: Of the whole file.
    """

    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ShardIndex:
    """A packed folder.

    Args:
        classes: Names, in the order of the labels.
        splits: The shards of train, val and test.
    """

    classes: tuple[str, ...]
    splits: dict[str, tuple[ShardEntry, ...]]


def to_text(index: ShardIndex) -> str:
    """Return an index as JSON."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(index)}, indent=1) + "\n"


def from_text(text: str, where: str) -> ShardIndex:
    """Read an index.

    Raises:
        DataError: It is broken, or of a newer format.
    """
    try:
        said = json.loads(text)
        if (said["format"], said["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {said['format']}, version {said['version']}; this reads {FORMAT}, {VERSION}")
        splits = {name: tuple(_entry(entry) for entry in entries) for name, entries in said["splits"].items()}
        return ShardIndex(from_json(said["classes"], where), splits)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"the index is broken: {printable(error)}",
            where=where,
            do="fetch it or pack the data again; without an index, tars are read as plain WebDataset",
        ) from error


def read(root: Path) -> ShardIndex | None:
    """Return the index of a folder of shards; None where there is none.

    Raises:
        DataError: It is broken.
    """
    path = root / INDEX
    if not path.exists():
        return None
    try:
        return from_text(path.read_text(encoding="utf-8"), printable(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the index: {printable(error)}", where=printable(path)) from error


def _entry(said: dict[str, object]) -> ShardEntry:
    entry = dataclass_from_dict(ShardEntry, said)
    if Path(entry.name).name != entry.name or "\\" in entry.name or Path(entry.name).suffix not in ENDINGS:
        raise ValueError(f"a shard called {entry.name!r}")
    if min(entry.samples, entry.bytes) < 0:
        raise ValueError(f"{entry.name}: {entry.samples} samples, {entry.bytes} bytes")
    return entry
