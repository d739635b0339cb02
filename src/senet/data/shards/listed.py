"""The images of a split's shards, by the tables of its tars or the footers of its Parquet files."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from senet.data.shards.layout import Layout
from senet.data.shards.members import PICKLED
from senet.data.shards.parquet import read_split
from senet.data.shards.table import Table
from senet.data.shards.tables import table_of
from senet.data.shards.tar import tar_samples
from senet.data.source import Listed
from senet.errors import DataError
from senet.text import counted, plain

logger = logging.getLogger("senet")


def listed(layout: Layout, split: str) -> Listed:
    """List the images of a split.

    Raises:
        DataError: A shard is missing, truncated, or holds what cannot be trained on; it is named.
    """
    names, root = layout.shards[split], plain(layout.root)
    if missing := layout.missing_of(split):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(f"missing: {plain(missing[0])}{more}", where=root, do="fetch or pack it again")
    endings = {Path(name).suffix for name in names}
    if len(endings) > 1:
        raise DataError("tars and Parquet files in one split", where=root, do="keep one of the two")
    if endings == {".parquet"}:
        return of_parquet(layout, split, names)
    tables = {name: table_of(layout.root / name, layout.entries.get(name)) for name in names}
    for name, table in tables.items():
        if table.faults:
            fault, count = table.faults[0], counted(len(table.faults), "fault")
            said = f"{plain(fault.name)}: {fault.text} (1 of {count} in the shard)"
            raise DataError(said, where=plain(layout.root / name), do="senet data check lists them all")
    _say_passed(root, tables)
    return of_tars(layout, split, tables)


def of_tars(layout: Layout, split: str, tables: Mapping[str, Table]) -> Listed:
    """List the images of tars."""
    expected = {name: entry.sha256 for name, entry in layout.entries.items()}
    samples = tar_samples(layout.root, [*tables], [*tables.values()], expected)
    labels = [label for table in tables.values() for label in table.labels]
    return Listed(samples, labels, layout.classes, f"{plain(layout.root)}, {split}")


def of_parquet(layout: Layout, split: str, names: Sequence[str]) -> Listed:
    """List the images of Parquet files."""
    samples, labels, classes = read_split(layout.root, names)
    return Listed(samples, labels, layout.classes or classes, f"{plain(layout.root)}, {split}")


def _say_passed(root: str, tables: Mapping[str, Table]) -> None:
    passed: Counter[str] = Counter()
    for table in tables.values():
        passed.update(dict(table.passed))
    for extension, count in passed.items():
        why = "never unpickled" if extension in PICKLED else "nothing here decodes them"
        logger.warning("%s: %s .%s are not read: %s", root, counted(count, "member"), plain(extension), why)
