"""Images in tars, read where they lie: a sample costs one read, in any order and from any process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from senet.data.hashing import content_digests
from senet.data.images.decode import read_file_part
from senet.data.loader.samples import PackedNames, pack_names
from senet.data.shards.tar.index import TarIndex
from senet.errors import DataError
from senet.utils.text import printable


@dataclass(frozen=True, eq=False)
class TarSamples:
    """The images of a split's tars. In memory lie 20 bytes a sample and its name.

    Args:
        root: The folder.
        shards: File names below it.
        digests_expected: The SHA-256 of each shard that has one in an index.
        blocks: The shard of each sample, (N,).
        offsets: Where its bytes begin, (N,).
        sizes: How many they are, (N,).
        names: Of the members.
    """

    root: Path
    shards: tuple[str, ...]
    digests_expected: dict[str, str]
    blocks: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    names: PackedNames

    def __len__(self) -> int:
        return len(self.blocks)

    def name(self, index: int) -> str:
        """Return shard and member."""
        return f"{self.shards[self.blocks[index]]}/{self.names[index]}"

    def size(self, index: int) -> int:
        """Return the bytes of one image file."""
        return int(self.sizes[index])

    def read(self, index: int) -> bytes:
        """Return the content of one image file."""
        shard, size = self.root / self.shards[self.blocks[index]], int(self.sizes[index])
        data = read_file_part(shard, int(self.offsets[index]), size)
        if len(data) < size:
            raise DataError(
                f"the shard is truncated within {printable(self.names[index])} (sample {index})",
                where=printable(shard),
                do="fetch or pack it again",
            )
        return data

    def head(self, index: int, size: int) -> bytes:
        """Return the first bytes of one image file."""
        at, all_of_it = int(self.offsets[index]), int(self.sizes[index])
        return read_file_part(self.root / self.shards[self.blocks[index]], at, min(size, all_of_it))

    @property
    def files(self) -> list[Path]:
        """The shards."""
        return [self.root / shard for shard in self.shards]

    def subset(self, index: Sequence[int]) -> "TarSamples":
        """Return the samples at the given positions."""
        at = np.asarray(index, np.int64)
        names = pack_names(self.names[i] for i in index)
        return replace(self, blocks=self.blocks[at], offsets=self.offsets[at], sizes=self.sizes[at], names=names)

    def digests(self) -> list[str]:
        """Return the SHA-256 of each sample's shard; contents are hashed once, unless a file changes.

        Raises:
            DataError: A shard cannot be read, or is not what the index says.
        """
        found = content_digests(self.root, self.shards)
        for shard, digest in zip(self.shards, found, strict=True):
            if digest != self.digests_expected.get(shard, digest) or len(digest) < 64:
                raise DataError(
                    f"the shard is corrupt: its SHA-256 is {digest[:16]}..., not that of the index"
                    if len(digest) == 64
                    else "the shard cannot be read",
                    where=printable(self.root / shard),
                    do="fetch or pack it again",
                )
        return [found[block] for block in self.blocks.tolist()]


def tar_samples(root: Path, shards: Sequence[str], tables: Sequence[TarIndex], expected: dict[str, str]) -> TarSamples:
    """Join the tables of a split's shards."""
    return TarSamples(
        root,
        tuple(shards),
        expected,
        np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables]),
        np.fromiter((offset for table in tables for offset in table.offsets), np.int64),
        np.fromiter((size for table in tables for size in table.sizes), np.int64),
        pack_names(name for table in tables for name in table.names),
    )
