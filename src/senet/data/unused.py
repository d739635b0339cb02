"""What of a data set is not used, and why: counted where it is found, and said by every command that reads data."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from senet.data.sources.split_names import SPLITS
from senet.utils.text import printable

logger = logging.getLogger("senet")
FEW = 3  # names in a sentence
KEPT = 5  # names in a record

UnusedReason = Literal[
    "hidden",
    "other",
    "format",
    "loop",
    "unreadable-folder",
    "beside",
    "empty-class",
    "unknown-class",
    "member",
    "pickled",
    "column",
    "repeated",
    "unlisted",
    "unreadable",
]

WORDS: dict[UnusedReason, str] = {
    "hidden": "hidden or tools' own",
    "other": "not images by their names",
    "format": "images of kinds that are not read (convert them to .png or .jpg)",
    "loop": "links that lead back to a folder above",
    "unreadable-folder": "folders that cannot be read",
    "beside": "in none of the splits",
    "empty-class": "folders without images, so no classes",
    "unknown-class": "images of unknown classes",
    "member": "members of shards that are neither image nor label of a sample",
    "pickled": "members of shards that are never unpickled",
    "column": "columns that are not read",
    "repeated": "rows that repeat another",
    "unlisted": "images beside the listed ones that no row names",
    "unreadable": "images that cannot be read",
}


GROUPED = ("member", "pickled", "unknown-class")  # whose examples are groups

# Of each split the names of images that could not be read, in order; no name of a split without such images.
Unread = dict[str, list[str]]


@dataclass(frozen=True)
class Unused:
    """Things of one kind in one split that are not used.

    Args:
        why: For counting.
        split: train, val or test; empty for what is in none of them, or where there are no splits.
        count: How many.
        examples: Names of the first few, or of groups of them with how many each has: ``.txt (12)``.
    """

    why: UnusedReason
    split: str
    count: int
    examples: tuple[str, ...]


def unused(why: UnusedReason, split: str, names: Sequence[str]) -> tuple[Unused, ...]:
    """Return things of one kind as a record; no record of nothing."""
    return (Unused(why, split, len(names), tuple(names[:KEPT])),) if names else ()


def group_unused(found: Iterable[tuple[UnusedReason, str, str]]) -> tuple[Unused, ...]:
    """Return (why, split, name) of things one by one as records, in the order in which kinds are found."""
    kinds: dict[tuple[UnusedReason, str], list[str]] = defaultdict(list)
    for why, split, name in found:
        kinds[why, split].append(name)
    return tuple(Unused(why, split, len(names), tuple(names[:KEPT])) for (why, split), names in kinds.items())


def merge_unread(found: Iterable[Unread]) -> Unread:
    """Return what several passes, or ranks, could not read: every image once."""
    names: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for split, some in one.items():
            names[split].update(some)
    return {split: sorted(names[split]) for split in (*SPLITS, "") if names[split]}


def unreadable_records(found: Unread) -> tuple[Unused, ...]:
    """Return images that could not be read as records."""
    return tuple(record for split, names in found.items() for record in unused("unreadable", split, names))


def read_unused(said: Any) -> tuple[Unused, ...]:
    """Read records that were kept as JSON; empty where they are none."""
    try:
        return tuple(Unused(**{**one, "examples": tuple(one["examples"])}) for one in said)
    except (TypeError, KeyError):
        return ()


def unused_sentences(records: Iterable[Unused]) -> list[str]:
    """Say what is not used: a sentence for each kind, over all splits."""
    kinds: dict[UnusedReason, list[Unused]] = defaultdict(list)
    for record in records:
        kinds[record.why].append(record)
    return [_sentence(why, of_kind) for why, of_kind in kinds.items()]


def _sentence(why: UnusedReason, records: Sequence[Unused]) -> str:
    count = sum(record.count for record in records)
    splits = ", ".join(f"{record.split} {record.count:,}" for record in records if record.split)
    names = [printable(name) for record in records for name in record.examples]
    rest = len(names) if why in GROUPED else count
    more = f" and {'' if why in GROUPED else f'{count - FEW:,} '}more" if rest > FEW else ""
    return f"not used, {WORDS[why]}: {count:,}{f' ({splits})' if splits else ''}: {', '.join(names[:FEW])}{more}"


def warn_unused(records: Iterable[Unused]) -> None:
    """Warn of what is not used."""
    for sentence in unused_sentences(records):
        kind, _, rest = sentence.partition(": ")
        logger.warning(f"{kind}: %s", rest)  # each kind a message of its own: of one, five are shown
