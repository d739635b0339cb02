"""Images in Parquet files, as Hugging Face `datasets` writes them: a column of encoded images, one of labels."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from senet.data.digests import content_digests
from senet.data.shards.columns import class_names_of, columns, encoded, opened
from senet.data.source import Label
from senet.errors import DataError
from senet.text import plain

CACHED = 64 * 2**20  # bytes of decoded row groups that a process keeps


@dataclass(frozen=True)
class Group:
    """A row group, which is what Parquet can read at once."""

    file: str
    number: int
    rows: int


@dataclass(frozen=True, eq=False)
class ParquetSamples:
    """The images of a split's Parquet files; a sample costs its row group, unless that was read just before.

    Args:
        root: The folder.
        column: Holds the images.
        groups: All row groups.
        blocks: The row group of each sample, (N,).
        rows: Its row there, (N,).
        cache: Images of the row groups that were read last; each process has its own.
    """

    root: Path
    column: str
    groups: tuple[Group, ...]
    blocks: NDArray[np.int32]
    rows: NDArray[np.int32]
    cache: "OrderedDict[int, list[bytes]]" = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.blocks)

    def name(self, index: int) -> str:
        """Return file, row group and row."""
        group = self.groups[self.blocks[index]]
        return f"{group.file}/group {group.number}/row {self.rows[index]}"

    def size(self, index: int) -> int:
        """Return the bytes of one image file."""
        return len(self.read(index))

    def read(self, index: int) -> bytes:
        """Return the content of one image file."""
        block = int(self.blocks[index])
        if block not in self.cache:
            self.cache[block] = self._group(self.groups[block])
            while len(self.cache) > 1 and sum(map(_bytes, self.cache.values())) > CACHED:
                self.cache.popitem(last=False)
        self.cache.move_to_end(block)
        return self.cache[block][int(self.rows[index])]

    def _group(self, group: Group) -> list[bytes]:
        path = self.root / group.file
        with opened(path) as file:
            column = file.read_row_group(group.number, columns=[self.column]).column(0).to_pylist()
        return [encoded(value) for value in column]

    def subset(self, index: Sequence[int]) -> "ParquetSamples":
        """Return the samples at the given positions."""
        at = np.asarray(index, np.int64)
        return replace(self, blocks=self.blocks[at], rows=self.rows[at], cache=OrderedDict())

    def digests(self) -> list[str]:
        """Return the SHA-256 of each sample's file; contents are hashed once, unless a file changes."""
        files = tuple(dict.fromkeys(group.file for group in self.groups))
        by_file = dict(zip(files, content_digests(self.root, files), strict=True))
        return [by_file[self.groups[block].file] for block in self.blocks.tolist()]


def read_split(root: Path, files: Sequence[str]) -> tuple[ParquetSamples, list[Label], tuple[str, ...] | None]:
    """Read the footers and the labels of a split's files; no image is read.

    Returns:
        Samples, labels, and the class names if the files say them.

    Raises:
        DataError: A file is missing, truncated, no Parquet, or has no such columns.
    """
    groups: list[Group] = []
    labels: list[Label] = []
    names, column = None, ""
    for name in files:
        with opened(root / name) as file:
            column, labelled = columns(file.schema_arrow.names, root / name)
            names = names or class_names_of(file.schema_arrow.metadata or {}, labelled, root / name)
            groups += [Group(name, i, file.metadata.row_group(i).num_rows) for i in range(file.num_row_groups)]
            labels += file.read(columns=[labelled]).column(0).to_pylist()
    _require_labels(labels, root / files[0])
    sizes = [group.rows for group in groups]
    blocks = np.repeat(np.arange(len(groups), dtype=np.int32), sizes)
    rows = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes] or [np.empty(0, np.int32)])
    return ParquetSamples(root, column, tuple(groups), blocks, rows), labels, names


def _require_labels(labels: Sequence[object], where: Path) -> None:
    for row, label in enumerate(labels):
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise DataError(f"the label of row {row} is {plain(label)}", where=plain(where))


def _bytes(images: Sequence[bytes]) -> int:
    return sum(map(len, images))
