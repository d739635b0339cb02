"""Shards as a data source: packed tars, plain WebDataset, Parquet; in a folder here, or copied from an address."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.check.report import CheckFinding
from senet.data.hashing import content_digests
from senet.data.shards.download import download_shards
from senet.data.shards.layout import ShardLayout, find_shards, naming_advice, unused_beside_shards
from senet.data.shards.listing import LAST_DOT, by_last_dot, list_parquet, list_split, list_tars
from senet.data.shards.tar.index import TarIndex
from senet.data.shards.tar.index_cache import load_tar_index
from senet.data.shards.tar.members import PICKLED
from senet.data.sources.source import HOLD_OUT, SourceInspection, SplitListing
from senet.data.unused import Unused
from senet.errors import DataError
from senet.utils.text import counted, printable


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
        return download_shards(self.place) if "://" in self.place else Path(self.place).expanduser()

    @cached_property
    def layout(self) -> ShardLayout:
        """Which shards there are."""
        return find_shards(self.root)

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are."""
        return tuple(self.layout.shards)

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """What lies there and is no shard of a split."""
        return unused_beside_shards(self.layout)

    def require_splits(self) -> None:
        """Refuse shards without train, or without val and test."""
        if self.splits == ("train",):
            raise DataError("there are shards of train alone", where=printable(self.where), do=HOLD_OUT)
        if "train" not in self.splits:
            said = f"there must be shards of train and of val or test; found: {', '.join(self.splits) or 'none'}"
            raise DataError(said, where=printable(self.where), do=naming_advice(self.root))

    def read(self, split: str) -> SplitListing:
        """List the images of a split: tars by their tables, Parquet by its footers and labels."""
        return list_split(self.layout, split)

    def inspect(self, split: str) -> SourceInspection:
        """List the images of the shards that can be opened, and what is wrong with all of them."""
        return inspect_split(self.layout, split)


def inspect_split(layout: ShardLayout, split: str) -> SourceInspection:
    """List the images of the shards that can be opened, and what is wrong with all of them."""
    missing = layout.missing_of(split)
    there = [name for name in layout.shards[split] if name not in missing]
    findings = [CheckFinding("missing-shard", "error", name, "the shard is missing") for name in missing]
    findings += _corrupt(layout, there)
    tables: dict[str, TarIndex] = {}
    parquet: list[str] = []
    for name in there:
        try:
            if Path(name).suffix == ".tar":
                tables[name] = load_tar_index(layout.root / name, layout.entries.get(name))
                findings += _members(name, tables[name])
            else:
                list_parquet(layout, split, [name])
                parquet.append(name)
        except DataError as error:
            findings.append(CheckFinding("shard", "error", name, error.what))
    if tables and parquet:
        findings.append(
            CheckFinding("shard", "error", parquet[0], "tars and Parquet files in one split: tars are checked")
        )
    findings += [CheckFinding("dots", "note", name, LAST_DOT) for name in by_last_dot(layout, tables)]
    listed = list_parquet(layout, split, parquet) if parquet and not tables else list_tars(layout, split, tables)
    return SourceInspection(listed, tuple(findings))


def _corrupt(layout: ShardLayout, names: list[str]) -> Iterator[CheckFinding]:
    known = [name for name in names if name in layout.entries]
    for name, digest in zip(known, content_digests(layout.root, known), strict=True):
        if digest != layout.entries[name].sha256:
            yield CheckFinding("corrupt-shard", "error", name, "its SHA-256 is not that of the index")


def _members(shard: str, table: TarIndex) -> Iterator[CheckFinding]:
    for fault in table.faults:
        yield CheckFinding(fault.kind, "error", f"{shard}/{fault.name}", fault.text)
    for extension, count in table.passed:
        kind, why = (
            ("pickled", "never unpickled")
            if extension in PICKLED
            else ("member", "neither image nor label of a sample")
        )
        yield CheckFinding(kind, "note", shard, f"{counted(count, 'member')} {_named(extension)}: {why}")


def _named(extension: str) -> str:
    return f".{printable(extension)}" if extension else "without an ending"
