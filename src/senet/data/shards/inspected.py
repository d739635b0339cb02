"""Shards as a check sees them: presence, checksums and members; what is broken does not hide the rest."""

from collections.abc import Iterator
from pathlib import Path

from senet.data.digests import content_digests
from senet.data.record import Finding
from senet.data.shards.layout import Layout
from senet.data.shards.listed import LAST_DOT, by_last_dot, of_parquet, of_tars
from senet.data.shards.members import PICKLED
from senet.data.shards.table import Table
from senet.data.shards.tables import table_of
from senet.data.source import Inspected
from senet.errors import DataError
from senet.text import counted, plain


def inspected(layout: Layout, split: str) -> Inspected:
    """List the images of the shards that can be opened, and what is wrong with all of them."""
    missing = layout.missing_of(split)
    there = [name for name in layout.shards[split] if name not in missing]
    findings = [Finding("missing-shard", "error", name, "the shard is missing") for name in missing]
    findings += _corrupt(layout, there)
    tables: dict[str, Table] = {}
    parquet: list[str] = []
    for name in there:
        try:
            if Path(name).suffix == ".tar":
                tables[name] = table_of(layout.root / name, layout.entries.get(name))
                findings += _members(name, tables[name])
            else:
                of_parquet(layout, split, [name])
                parquet.append(name)
        except DataError as error:
            findings.append(Finding("shard", "error", name, error.what))
    if tables and parquet:
        findings.append(Finding("shard", "error", parquet[0], "tars and Parquet files in one split: tars are checked"))
    findings += [Finding("dots", "note", name, LAST_DOT) for name in by_last_dot(layout, tables)]
    listed = of_parquet(layout, split, parquet) if parquet and not tables else of_tars(layout, split, tables)
    return Inspected(listed, tuple(findings))


def _corrupt(layout: Layout, names: list[str]) -> Iterator[Finding]:
    known = [name for name in names if name in layout.entries]
    for name, digest in zip(known, content_digests(layout.root, known), strict=True):
        if digest != layout.entries[name].sha256:
            yield Finding("corrupt-shard", "error", name, "its SHA-256 is not that of the index")


def _members(shard: str, table: Table) -> Iterator[Finding]:
    for fault in table.faults:
        yield Finding(fault.kind, "error", f"{shard}/{fault.name}", fault.text)
    for extension, count in table.passed:
        kind, why = (
            ("pickled", "never unpickled")
            if extension in PICKLED
            else ("member", "neither image nor label of a sample")
        )
        yield Finding(kind, "note", shard, f"{counted(count, 'member')} {_named(extension)}: {why}")


def _named(extension: str) -> str:
    return f".{plain(extension)}" if extension else "without an ending"
