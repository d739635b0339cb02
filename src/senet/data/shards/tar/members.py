"""Members of a WebDataset tar: to which sample each belongs, what decodes it, and which samples are not whole."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from senet.data.images.decode import EXTENSIONS
from senet.data.shards.tar.index import TarFault, TarIndex
from senet.data.sources.source import Label
from senet.utils.text import printable

IMAGES = frozenset(extension.removeprefix(".") for extension in EXTENSIONS)
# Decoding these runs code, or may: WebDataset's .pyd and .pth are pickles, and NumPy's files may hold one.
PICKLED = frozenset(("joblib", "npy", "npz", "pickle", "pkl", "pt", "pth", "pyd"))
# WebDataset's rule: the key ends at the first dot of the file's name.
FIRST_DOT = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]+)", re.DOTALL)
# Of names such as img.001.jpg, whose samples are whole under this rule alone.
LAST_DOT = re.compile(r"((?:.*/)?[^./][^/]*)\.([^./]+)", re.DOTALL)
# Often a label, and often a caption or a number of the sample: never taken for one.
PERHAPS = frozenset(("txt", "class", "cls2", "index", "inx", "id", "label", "target", "cls.txt", "jsn"))


def split_member_name(name: str, rule: re.Pattern[str] = FIRST_DOT) -> tuple[str, str] | None:
    """Return a member's key and lower-case extension; None for a name that has not both."""
    match = rule.fullmatch(name)
    return (match[1], match[2].lower()) if match else None


def ending(extension: str) -> str:
    """Return the last part of an extension."""
    return extension.rpartition(".")[2]


def has_extra_dots(name: str) -> bool:
    """Whether an image's name is one that only the rule of the last dot takes for an image."""
    return name.rpartition("/")[2].count(".") > 1


def is_unsafe_path(name: str) -> bool:
    """Whether a name would lead out of the folder that an archive is unpacked in."""
    return name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) is not None or ".." in re.split(r"[/\\]", name)


def _text(data: bytes) -> Label:
    text = data.decode("utf-8").strip()
    if not text:
        raise ValueError("an empty label")
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else text


def _field(data: bytes) -> Label:
    label = json.loads(data)["label"]
    if isinstance(label, bool) or not isinstance(label, int | str) or label == "":
        raise ValueError("its field label is neither a number nor a name")
    return label


# By extension, in the order in which they count where a sample has both.
LABELS: dict[str, Callable[[bytes], Label]] = {"cls": _text, "json": _field}


FEW = 3  # names in a message
READ = f".{', .'.join(LABELS)}"
NEIGHBOURS = "its image and its label are not neighbours in the tar: write it with tar --sort=name"
FOLDERS = "an image in a folder, and no label: a tar of class folders; unpack it and name the folder, folder:PATH"


def incomplete_fault(key: str, images: int, labels: int, beside: Sequence[str]) -> TarFault:
    """Return what a sample lacks, or has too much of.

    Args:
        key: The sample's.
        images: How many it has.
        labels: How many it has.
        beside: Extensions of its other members.
    """
    if images == 1 and labels:
        return TarFault(key, "twice", "two members of one name, or of the same ending")
    if images == 0 and any(ending(extension) in IMAGES for extension in beside):
        return dotted_name_fault(key, beside)
    if images != 1:
        return TarFault(key, "no-image" if images == 0 else "two-images", f"{images} images in one sample")
    perhaps = [extension for extension in beside if extension in PERHAPS]
    has = f"; it has {_shown(perhaps)}: if that is the label, name it .cls" if perhaps else ""
    return TarFault(key, "no-label", f"an image without a label ({READ}){has}")


def dotted_name_fault(key: str, extensions: Sequence[str]) -> TarFault:
    """Return what is wrong with images whose names have dots."""
    text = f"the key of a sample ends at the first dot of a name, so {_shown(extensions)} are parts of one sample"
    return TarFault(key, "dots", f"{text}, and none is its image: leave one dot in each name (a_001.jpg, a_001.cls)")


def complete_faults(table: TarIndex) -> tuple[TarFault, ...]:
    """Return the faults of a shard with what only all of them tell, and samples whose names are not their own."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for fault in table.faults:
        kinds[fault.name].add(fault.kind)
    apart = {name for name, found in kinds.items() if {"no-image", "no-label"} <= found}
    if not table.names and all(found == {"no-label"} and "/" in name for name, found in kinds.items()):
        return tuple(TarFault(fault.name, fault.kind, FOLDERS) for fault in table.faults)
    joined = dict.fromkeys(
        TarFault(fault.name, "apart", NEIGHBOURS) if fault.name in apart else fault for fault in table.faults
    )
    return (*joined, *_twice(table.names))


def _twice(names: Sequence[str]) -> Iterator[TarFault]:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                yield TarFault(name, "twice", "two samples of one name")
            seen.add(name)


def _shown(extensions: Sequence[str]) -> str:
    more = f" and {len(extensions) - FEW} more" if len(extensions) > FEW else ""
    return printable(", ".join(f".{extension}" for extension in extensions[:FEW]) + more)
