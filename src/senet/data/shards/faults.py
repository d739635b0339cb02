"""Samples of a tar that are not whole: what each of them is, in words that say what to change."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from senet.data.shards.members import IMAGES, LABELS, PERHAPS, ending
from senet.data.shards.table import Fault, Table
from senet.text import plain

FEW = 3  # names in a message
READ = f".{', .'.join(LABELS)}"
NEIGHBOURS = "its image and its label are not neighbours in the tar: write it with tar --sort=name"
FOLDERS = "an image in a folder, and no label: a tar of class folders; unpack it and name the folder, folder:PATH"


def incomplete(key: str, images: int, labels: int, beside: Sequence[str]) -> Fault:
    """Return what a sample lacks, or has too much of.

    Args:
        key: The sample's.
        images: How many it has.
        labels: How many it has.
        beside: Extensions of its other members.
    """
    if images == 1 and labels:
        return Fault(key, "twice", "two members of one name, or of the same ending")
    if images == 0 and any(ending(extension) in IMAGES for extension in beside):
        return parted(key, beside)
    if images != 1:
        return Fault(key, "no-image" if images == 0 else "two-images", f"{images} images in one sample")
    perhaps = [extension for extension in beside if extension in PERHAPS]
    has = f"; it has {_shown(perhaps)}: if that is the label, name it .cls" if perhaps else ""
    return Fault(key, "no-label", f"an image without a label ({READ}){has}")


def parted(key: str, extensions: Sequence[str]) -> Fault:
    """Return what is wrong with images whose names have dots."""
    text = f"the key of a sample ends at the first dot of a name, so {_shown(extensions)} are parts of one sample"
    return Fault(key, "dots", f"{text}, and none is its image: leave one dot in each name (a_001.jpg, a_001.cls)")


def told(table: Table) -> tuple[Fault, ...]:
    """Return the faults of a shard with what only all of them tell, and samples whose names are not their own."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for fault in table.faults:
        kinds[fault.name].add(fault.kind)
    apart = {name for name, found in kinds.items() if {"no-image", "no-label"} <= found}
    if not table.names and all(found == {"no-label"} and "/" in name for name, found in kinds.items()):
        return tuple(Fault(fault.name, fault.kind, FOLDERS) for fault in table.faults)
    joined = dict.fromkeys(
        Fault(fault.name, "apart", NEIGHBOURS) if fault.name in apart else fault for fault in table.faults
    )
    return (*joined, *_twice(table.names))


def _twice(names: Sequence[str]) -> Iterator[Fault]:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                yield Fault(name, "twice", "two samples of one name")
            seen.add(name)


def _shown(extensions: Sequence[str]) -> str:
    more = f" and {len(extensions) - FEW} more" if len(extensions) > FEW else ""
    return plain(", ".join(f".{extension}" for extension in extensions[:FEW]) + more)
