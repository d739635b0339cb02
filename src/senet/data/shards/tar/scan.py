"""Read the headers of a WebDataset tar once, without unpacking it: every sample, and everything that is none."""

import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from senet.data.shards.tar.index import TarFault, TarIndex
from senet.data.shards.tar.members import (
    FIRST_DOT,
    IMAGES,
    LABELS,
    LAST_DOT,
    PERHAPS,
    complete_faults,
    dotted_name_fault,
    ending,
    incomplete_fault,
    is_unsafe_path,
    split_member_name,
)
from senet.data.sources.source import Label
from senet.errors import DataError
from senet.utils.text import printable

MIB = 2**20
MAX_IMAGE = 256 * MIB  # bytes of an encoded image
MAX_LABEL = MIB
MAX_MEMBERS = 5_000_000  # of one shard
BLOCK = tarfile.BLOCKSIZE


# Member, where its bytes begin, how many they are, label.
SampleRow = tuple[str, int, int, Label]


@dataclass(frozen=True)
class BoundedReader:
    """A file that tarfile may not fill the memory from: a header can claim any length for a name."""

    file: BinaryIO

    def read(self, size: int) -> bytes:
        """Read at most one MiB."""
        if not 0 <= size <= MIB:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.file.read(size)

    def seek(self, position: int) -> int:
        """Go to a position."""
        return self.file.seek(position)

    def tell(self) -> int:
        """Return the position."""
        return self.file.tell()


@dataclass(frozen=True)
class TarMember:
    """A file within a shard; ``key`` is its sample's."""

    name: str
    key: str
    extension: str
    offset: int
    size: int


@dataclass
class TarScan:
    """What a scan gathers.

    Args:
        rule: Where the key of a name ends.
        rows: Samples.
        faults: What makes the shard unfit.
        passed: How many members of each extension are not read.
        dotted: Images and labels by the last part of their extension, which has others.
    """

    rule: re.Pattern[str]
    rows: list[SampleRow] = field(default_factory=list)
    faults: list[TarFault] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    dotted: int = 0

    def table(self) -> TarIndex:
        """Return it as columns."""
        names, offsets, sizes, labels = zip(*self.rows, strict=True) if self.rows else ((), (), (), ())
        return TarIndex(names, offsets, sizes, labels, tuple(self.faults), tuple(sorted(self.passed.items())))


def scan_tar(path: Path) -> TarIndex:
    """List a shard's samples. Members are read in place: no name is ever used as a path.

    The key of a name ends at its first dot, as WebDataset has it; where names have more dots and all samples are whole
    if it ends at the last, there.

    Raises:
        DataError: The shard is missing, truncated, or no tar.
    """
    try:
        with path.open("rb") as file:
            found = _found(file, FIRST_DOT)
            found = _better(found, _found(file, LAST_DOT)) if found.dotted else found
    except (OSError, tarfile.TarError, RecursionError, ValueError, OverflowError) as error:
        raise DataError(
            f"cannot read the shard: {printable(error) or type(error).__name__}",
            where=printable(path),
            do="fetch or pack it again; compressed tars are not read, unpack them to .tar",
        ) from error
    return replace(table := found.table(), faults=complete_faults(table))


def _found(file: BinaryIO, rule: re.Pattern[str]) -> TarScan:
    found = TarScan(rule)
    file.seek(0)
    for key, group in groupby(_members(file, found), key=lambda member: member.key):
        members = list(group)
        whole = [member for member in members if member.extension in IMAGES | LABELS.keys()]
        rest = [member for member in members if member not in whole]
        if whole:
            _add(file, whole, rest, found)
        elif any(ending(member.extension) in IMAGES for member in rest):
            found.faults.append(dotted_name_fault(key, [member.extension for member in rest]))
            continue
        found.passed.update(member.extension for member in rest)
    return found


def _better(first: TarScan, last: TarScan) -> TarScan:
    """Return what a rule finds that makes all samples whole; WebDataset's own where none does."""
    if not last.faults:
        return last
    keys = {name.rpartition(".")[0] for name, *_ in last.rows}
    parts = [fault.name.rpartition(".") for fault in last.faults if fault.kind == "no-label"]
    if not first.faults or len(parts) < len(last.faults) or any(key not in keys for key, *_ in parts):
        return first
    last.passed.update(f"{part}.*" for *_, part in parts)  # such as the mask photo.v2.seg.png of photo.v2.jpg
    last.faults.clear()
    return last


def _members(file: BinaryIO, found: TarScan) -> Iterator[TarMember]:
    # typeshed asks for a whole IO; tarfile calls read, seek and tell alone, which BoundedReader has.
    with tarfile.open(fileobj=BoundedReader(file), mode="r:") as archive:  # type: ignore[call-overload]
        count, end = 0, -1
        while (info := archive.next()) is not None:
            archive.members.clear()  # tarfile would keep them all
            count += 1
            if archive.offset <= end or count > MAX_MEMBERS:
                raise tarfile.ReadError(f"headers that lead back, or more than {MAX_MEMBERS:,} members")
            end = archive.offset
            yield from _member(info, found)
        _require_end(file, archive.offset)


def _require_end(file: BinaryIO, offset: int) -> None:
    """Tell the end of an archive from a header that is broken or cut off, at which tarfile just stops."""
    file.seek(offset)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise tarfile.ReadError(f"truncated after {offset + len(block):,} bytes")
    if any(block):
        raise tarfile.ReadError(f"a broken header at byte {offset:,}")


def _member(info: tarfile.TarInfo, found: TarScan) -> Iterator[TarMember]:
    if info.isdir():
        return
    if is_unsafe_path(info.name) or not info.isreg() or info.sparse is not None:
        what = "a path that leads out of the archive" if is_unsafe_path(info.name) else "a link, device or sparse file"
        found.faults.append(TarFault(info.name, "unsafe", f"{what}: refused"))
        return
    split = split_member_name(info.name, found.rule)
    known = IMAGES | LABELS.keys()
    if split is None or (ending(split[1]) not in known and split[1] not in PERHAPS):
        found.passed[split[1] if split else ""] += 1
        return
    found.dotted += split[1] not in known and ending(split[1]) in known
    yield TarMember(info.name, *split, info.offset_data, info.size)


def _add(file: BinaryIO, group: list[TarMember], rest: list[TarMember], found: TarScan) -> None:
    """Add one sample, or what is wrong with it; ``rest`` are other members of its key."""
    images = [member for member in group if member.extension in IMAGES]
    by_extension = {member.extension: member for member in group}
    labels = [by_extension[extension] for extension in LABELS if extension in by_extension]
    if len(images) != 1 or not labels or len(by_extension) < len(group):
        beside = [member.extension for member in rest]
        found.faults.append(incomplete_fault(group[0].key, len(images), len(labels), beside))
    elif images[0].size > MAX_IMAGE or labels[0].size > MAX_LABEL:
        found.faults.append(TarFault(images[0].name, "too-large", f"more than {MAX_IMAGE // MIB} MiB, or its label"))
    else:
        try:
            file.seek(labels[0].offset)
            label = LABELS[labels[0].extension](file.read(labels[0].size))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            found.faults.append(TarFault(labels[0].name, "label", f"cannot read the label: {printable(error)}"))
            return
        found.rows.append((images[0].name, images[0].offset, images[0].size, label))
        found.passed.update(member.extension for member in labels[1:])
