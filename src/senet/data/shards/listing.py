"""The images of a split's shards, by the tables of its tars or the footers of its Parquet files."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from senet.data.shards.layout import ShardLayout
from senet.data.shards.parquet.samples import read_parquet_split
from senet.data.shards.tar.index import TarIndex
from senet.data.shards.tar.index_cache import load_tar_index
from senet.data.shards.tar.members import PICKLED, has_extra_dots
from senet.data.shards.tar.samples import tar_samples
from senet.data.sources.source import SplitListing
from senet.data.unused import KEPT, Unused, UnusedReason, unused
from senet.errors import DataError
from senet.utils.text import counted, printable

logger = logging.getLogger("senet")
LAST_DOT = "names are split at their last dot (img.001 and .jpg): so all samples are whole, at the first they are not"


def list_split(layout: ShardLayout, split: str) -> SplitListing:
    """List the images of a split.

    Raises:
        DataError: A shard is missing, truncated, or holds what cannot be trained on; it is named.
    """
    names, root = layout.shards[split], printable(layout.root)
    if missing := layout.missing_of(split):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(f"missing: {printable(missing[0])}{more}", where=root, do="fetch or pack it again")
    endings = {Path(name).suffix for name in names}
    if len(endings) > 1:
        raise DataError("tars and Parquet files in one split", where=root, do="keep one of the two")
    if endings == {".parquet"}:
        return list_parquet(layout, split, names)
    tables = {name: load_tar_index(layout.root / name, layout.entries.get(name)) for name in names}
    for name, table in tables.items():
        if table.faults:
            fault, count = table.faults[0], counted(len(table.faults), "fault")
            said = f"{printable(fault.name)}: {fault.text} (1 of {count} in the shard)"
            raise DataError(said, where=printable(layout.root / name), do=f"senet data check shards:{root} lists all")
    return list_tars(layout, split, tables)


def list_tars(layout: ShardLayout, split: str, tables: Mapping[str, TarIndex]) -> SplitListing:
    """List the images of tars."""
    expected = {name: entry.sha256 for name, entry in layout.entries.items()}
    if by_last_dot(layout, tables):
        logger.warning("%s, %s: %s", printable(layout.root), split, LAST_DOT)
    samples = tar_samples(layout.root, [*tables], [*tables.values()], expected)
    labels = [label for table in tables.values() for label in table.labels]
    unused = tuple(_passed(split, tables.values()))
    return SplitListing(samples, labels, layout.classes, f"{printable(layout.root)}, {split}", unused)


def list_parquet(layout: ShardLayout, split: str, names: Sequence[str]) -> SplitListing:
    """List the images of Parquet files."""
    rows = read_parquet_split(layout.root, names)
    classes = layout.classes or rows.classes
    left = unused("column", split, rows.columns)
    return SplitListing(rows.samples, rows.labels, classes, f"{printable(layout.root)}, {split}", left)


def by_last_dot(layout: ShardLayout, tables: Mapping[str, TarIndex]) -> list[str]:
    """Return the shards whose samples are whole only where a name's key ends at its last dot."""
    foreign = {name: table for name, table in tables.items() if name not in layout.entries}
    return [name for name, table in foreign.items() if any(map(has_extra_dots, table.names))]


def _passed(split: str, tables: Iterable[TarIndex]) -> Iterator[Unused]:
    """Return members that are not read, by what they are; a table knows their endings."""
    counts: Counter[str] = Counter()
    for table in tables:
        counts.update(dict(table.passed))
    kinds: tuple[tuple[UnusedReason, Set[str]], ...] = (("pickled", PICKLED), ("member", counts.keys() - PICKLED))
    for why, endings in kinds:
        found = [ending for ending in counts if ending in endings]
        if found:
            total = sum(counts[ending] for ending in found)
            yield Unused(why, split, total, tuple(f"{_ending(ending)} ({counts[ending]:,})" for ending in found[:KEPT]))


def _ending(ending: str) -> str:
    return f".{ending}" if ending else "no ending"
