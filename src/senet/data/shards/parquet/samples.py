"""Images in Parquet files, as Hugging Face `datasets` writes them: a column of encoded images, one of labels."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from senet.data.hashing import content_digests
from senet.data.shards.parquet.columns import (
    LABELS,
    class_names_of,
    find_columns,
    image_bytes,
    open_parquet,
    require_images,
    require_labels,
)
from senet.data.sources.source import Label
from senet.errors import DataError
from senet.utils.text import printable

logger = logging.getLogger("senet")
CACHED = 64 * 2**20  # bytes of decoded row groups that a process keeps


@dataclass(frozen=True)
class RowGroup:
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
    groups: tuple[RowGroup, ...]
    blocks: NDArray[np.int32]
    rows: NDArray[np.int32]
    cache: "OrderedDict[int, list[bytes | str]]" = field(default_factory=OrderedDict)

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
        data = self.cache[block][int(self.rows[index])]
        if isinstance(data, str):
            do = f"take the row out, or leave it out (--on-error skip); senet data check shards:{self.root} lists all"
            raise DataError(data, where=f"{printable(self.name(index))} (sample {index})", do=do)
        return data

    def head(self, index: int, size: int) -> bytes:
        """Return the content of one image file: its row group is read in any case."""
        return self.read(index)

    @property
    def files(self) -> list[Path]:
        """The files, each once."""
        return [self.root / file for file in dict.fromkeys(group.file for group in self.groups)]

    def _group(self, group: RowGroup) -> list[bytes | str]:
        path = self.root / group.file
        with open_parquet(path) as file:
            column = file.read_row_group(group.number, columns=[self.column]).column(0).to_pylist()
        return [image_bytes(value) for value in column]

    def subset(self, index: Sequence[int]) -> "ParquetSamples":
        """Return the samples at the given positions."""
        at = np.asarray(index, np.int64)
        return replace(self, blocks=self.blocks[at], rows=self.rows[at], cache=OrderedDict())

    def digests(self) -> list[str]:
        """Return the SHA-256 of each sample's file; contents are hashed once, unless a file changes."""
        files = tuple(dict.fromkeys(group.file for group in self.groups))
        by_file = dict(zip(files, content_digests(self.root, files), strict=True))
        return [by_file[self.groups[block].file] for block in self.blocks.tolist()]


@dataclass(frozen=True)
class ParquetSplit:
    """The rows of a split's files.

    Args:
        samples: Their images.
        labels: Of each.
        classes: Names of the labels, if the files say them.
        columns: Names of the columns that are not read.
    """

    samples: ParquetSamples
    labels: list[Label]
    classes: tuple[str, ...] | None
    columns: tuple[str, ...]


def read_parquet_split(root: Path, files: Sequence[str]) -> ParquetSplit:
    """Read the footers and the labels of a split's files; no image is read.

    Raises:
        DataError: A file is missing, truncated, no Parquet, has no such columns, holds paths in place of images, or
            rows without labels.
    """
    groups: list[RowGroup] = []
    labels: list[Label] = []
    other: dict[str, None] = {}
    names, column, labelled = None, "", ""
    for name in files:
        with open_parquet(root / name) as file:
            column, labelled = find_columns(file.schema_arrow.names, root / name)
            names = names or class_names_of(file.schema_arrow.metadata or {}, labelled, root / name)
            groups += [RowGroup(name, i, file.metadata.row_group(i).num_rows) for i in range(file.num_row_groups)]
            require_images(file, column, root / name)
            found = file.read(columns=[labelled]).column(0).to_pylist()
            require_labels(found, names, root / name)
            labels += found
            other |= dict.fromkeys(one for one in file.schema_arrow.names if one not in (column, labelled))
    if shadowed := [one for one in LABELS if one in other]:
        logger.warning(
            "%s: labels are the column %s, not %s", printable(root / files[0]), labelled, ", ".join(shadowed)
        )
    sizes = [group.rows for group in groups]
    blocks = np.repeat(np.arange(len(groups), dtype=np.int32), sizes)
    rows = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes] or [np.empty(0, np.int32)])
    return ParquetSplit(ParquetSamples(root, column, tuple(groups), blocks, rows), labels, names, tuple(other))


def _bytes(images: Sequence[bytes | str]) -> int:
    return sum(map(len, images))
