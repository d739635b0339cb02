"""Shards as a data source: packed tars, plain WebDataset, Parquet; in a folder here, or copied from an address."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.shards.copied import copied
from senet.data.shards.inspected import inspected
from senet.data.shards.layout import Layout, beside, find, nameless
from senet.data.shards.listed import listed
from senet.data.source import HOLD_OUT, Inspected, Listed
from senet.data.unused import Unused
from senet.errors import DataError
from senet.text import plain


@dataclass(frozen=True)
class ShardSource:
    """Files named ``train-00000.tar`` (or ``.parquet``) and so on, with ``val-`` and/or ``test-`` beside them.

    The class map is the index's, else the files' own, else that of the labels.

    Args:
        place: A folder, or an address that fsspec knows (https, hf, s3, ...), of which a copy is kept on this disk.
    """

    place: str

    @property
    def name(self) -> str:
        """The source."""
        return f"shards:{self.where}"

    @property
    def where(self) -> str:
        """The path or the address."""
        return self.place if "://" in self.place else str(self.root)

    @property
    def augmentation(self) -> None:
        """Nobody says."""

    @cached_property
    def root(self) -> Path:
        """The folder on this machine; shards at an address are copied first."""
        return copied(self.place) if "://" in self.place else Path(self.place).expanduser()

    @cached_property
    def layout(self) -> Layout:
        """Which shards there are."""
        return find(self.root)

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are."""
        return tuple(self.layout.shards)

    @property
    def beside(self) -> tuple[Unused, ...]:
        """What lies there and is no shard of a split."""
        return beside(self.layout)

    def require_splits(self) -> None:
        """Refuse shards without train, or without val and test."""
        if self.splits == ("train",):
            raise DataError("there are shards of train alone", where=plain(self.where), do=HOLD_OUT)
        if "train" not in self.splits:
            said = f"there must be shards of train and of val or test; found: {', '.join(self.splits) or 'none'}"
            raise DataError(said, where=plain(self.where), do=nameless(self.root))

    def read(self, split: str) -> Listed:
        """List the images of a split: tars by their tables, Parquet by its footers and labels."""
        return listed(self.layout, split)

    def inspect(self, split: str) -> Inspected:
        """List the images of the shards that can be opened, and what is wrong with all of them."""
        return inspected(self.layout, split)
