"""The samples of one shard: where each image lies, and its label. Kept as JSON, so that no shard is scanned twice."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from senet.data.sources.source import Label

VERSION = 1


class OutdatedError(ValueError):
    """A table is whole, and not of this file."""


@dataclass(frozen=True)
class TarFault:
    """Why a sample, or a member, cannot be used.

    Args:
        name: The member, or the sample's key.
        kind: For counting.
        text: For reading.
    """

    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class TarIndex:
    """The samples of a shard, in the order of the file.

    Args:
        names: The image members.
        offsets: Where their bytes begin, from the start of the file.
        sizes: How many bytes.
        labels: Class numbers or names.
        faults: What makes the shard unfit; empty in one that can be trained on.
        passed: How many members of each extension are not read.
    """

    names: tuple[str, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    labels: tuple[Label, ...]
    faults: tuple[TarFault, ...] = ()
    passed: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def to_text(table: TarIndex, stamp: str) -> str:
    """Return a table as JSON, with a checksum of its own.

    Args:
        table: The table.
        stamp: Says which file it is of; another stamp is another file.
    """
    body = {"version": VERSION, "stamp": stamp, **asdict(table)}
    return json.dumps({"sha256": _digest(body), **body}, separators=(",", ":"))


def from_text(text: str, stamp: str) -> TarIndex:
    """Read a table that :func:`to_text` wrote.

    Raises:
        OutdatedError: It is whole, but of another file or of another version of this package.
        ValueError: It is broken or edited.
    """
    body = json.loads(text)
    if not isinstance(body, dict) or body.pop("sha256", None) != _digest(body):
        raise ValueError("broken")
    if body.get("version") != VERSION or body["stamp"] != stamp:
        raise OutdatedError("out of date")
    return TarIndex(
        tuple(map(str, body["names"])),
        tuple(map(int, body["offsets"])),
        tuple(map(int, body["sizes"])),
        tuple(body["labels"]),
        tuple(TarFault(fault["name"], fault["kind"], fault["text"]) for fault in body["faults"]),
        tuple((extension, count) for extension, count in body["passed"]),
    )


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
