"""Shards at an address: which there are, how many samples each has, and their rows, read from front to back."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from senet.data.shards import index
from senet.data.shards.columns import class_names_of, columns, encoded, opened
from senet.data.shards.layout import LAYOUT, by_split, gaps
from senet.data.shards.members import Label
from senet.data.shards.scan import Found, named, rows
from senet.errors import DataError
from senet.text import plain

# name, bytes, label
Row = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """The shards of one split.

    Args:
        urls: Their addresses.
        samples: How many they hold in all.
        read: Yields the rows of some of them.
    """

    urls: tuple[str, ...]
    samples: int
    read: Callable[[list[str]], Iterator[Row]]


@dataclass(frozen=True)
class Source:
    """A data set at an address.

    Args:
        url: The folder.
        classes: Names, in the order of the labels.
        splits: Train, and what is held out.
        digest: A SHA-256 of what the index, or the listing, says of the shards.
    """

    url: str
    classes: tuple[str, ...]
    splits: dict[str, Stream]
    digest: str


def find(url: str) -> Source:
    """Look what lies at an address; only an index, or a listing and the footers of Parquet, are read.

    Raises:
        DataError: Nothing that can be read, or tars without an index: their samples cannot be counted.
    """
    import fsspec  # torch brings it

    with named(url):
        files, root = fsspec.core.url_to_fs(url)
        if files.exists(f"{root}/{index.INDEX}"):
            return _indexed(url, files.cat_file(f"{root}/{index.INDEX}"))
        found = sorted(PurePosixPath(path).name for path in files.ls(root, detail=False))
    shards = by_split([name for name in found if name.endswith(".parquet")])
    if "train" not in shards or len(shards) < 2:
        raise DataError(
            "neither an index.json nor Parquet files of train and of val or test", where=plain(url), do=LAYOUT
        )
    if missing := [*gaps(name for names in shards.values() for name in names)]:
        raise DataError(f"missing: {plain(missing[0])}", where=plain(url), do="upload it again")
    return _parquet(url, shards)


def _indexed(url: str, text: bytes) -> Source:
    known = index.from_text(text.decode("utf-8", "replace"), f"{plain(url)}/{index.INDEX}")
    splits = {
        split: Stream(tuple(f"{url}/{entry.name}" for entry in entries), sum(e.samples for e in entries), tar_rows)
        for split, entries in known.splits.items()
        if entries
    }
    return Source(url, known.classes, splits, hashlib.sha256(text).hexdigest())


def _parquet(url: str, shards: dict[str, tuple[str, ...]]) -> Source:
    footers, classes, splits = [], None, {}
    for split, names in shards.items():
        counts = []
        for name in names:
            with _open(f"{url}/{name}") as file, opened(f"{url}/{name}", file) as table:
                label = columns(table.schema_arrow.names, f"{url}/{name}")[1]
                classes = classes or class_names_of(table.schema_arrow.metadata or {}, label)
                counts.append(table.metadata.num_rows)
                footers.append([name, file.size, table.metadata.num_rows])
        splits[split] = Stream(tuple(f"{url}/{name}" for name in names), sum(counts), parquet_rows)
    if classes is None:
        raise DataError(
            "the Parquet files do not name their classes", where=plain(url), do="copy them, and open the copy"
        )
    return Source(url, classes, splits, hashlib.sha256(json.dumps([footers, classes]).encode()).hexdigest())


def tar_rows(urls: list[str]) -> Iterator[Row]:
    """Yield the samples of tars, in order."""
    for url in urls:
        found = Found()
        with named(url), _open(url) as file:
            for name, offset, size, label in rows(file, found):
                file.seek(offset)
                yield _row(f"{url}/{name}", file.read(size), label)
                _require_whole(url, found)
                found.rows.clear()
        _require_whole(url, found)


def parquet_rows(urls: list[str]) -> Iterator[Row]:
    """Yield the rows of Parquet files, in order."""
    for url in urls:
        with _open(url) as file, opened(url, file) as table:
            both = columns(table.schema_arrow.names, url)
            for group in range(table.num_row_groups):
                part = table.read_row_group(group, columns=list(both)).to_pydict()
                for number, (image, label) in enumerate(zip(*(part[name] for name in both), strict=True)):
                    yield _row(f"{url}/group {group}/row {number}", encoded(image), label)


def _row(name: str, data: bytes, label: Label) -> Row:
    return {"name": name, "data": data, "label": json.dumps(label)}


def _require_whole(url: str, found: Found) -> None:
    if found.faults:
        fault = found.faults[0]
        raise DataError(f"{plain(fault.name)}: {fault.text}", where=plain(url), do="pack it again")


def _open(url: str) -> Any:
    import fsspec

    with named(url):
        return fsspec.open(url, "rb").open()


def batch_of(found: Sequence[Row]) -> tuple[tuple[str, ...], tuple[bytes, ...], tuple[Label, ...]]:
    """Return rows as columns."""
    labels = tuple(json.loads(row["label"]) for row in found)
    return tuple(row["name"] for row in found), tuple(row["data"] for row in found), labels
