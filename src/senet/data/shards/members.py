"""Members of a WebDataset tar: to which sample each belongs, and what decodes it. Nothing is ever unpickled."""

import json
import re
from collections.abc import Callable

from senet.data.images import EXTENSIONS
from senet.data.source import Label

IMAGES = frozenset(extension.removeprefix(".") for extension in EXTENSIONS)
# Decoding these runs code, or may: WebDataset's .pyd and .pth are pickles, and NumPy's files may hold one.
PICKLED = frozenset(("joblib", "npy", "npz", "pickle", "pkl", "pt", "pth", "pyd"))
# WebDataset's rule: the key ends at the first dot of the file's name.
FIRST_DOT = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]+)", re.DOTALL)
# Of names such as img.001.jpg, whose samples are whole under this rule alone.
LAST_DOT = re.compile(r"((?:.*/)?[^./][^/]*)\.([^./]+)", re.DOTALL)
# Often a label, and often a caption or a number of the sample: never taken for one.
PERHAPS = frozenset(("txt", "class", "cls2", "index", "inx", "id", "label", "target", "cls.txt", "jsn"))


def parts(name: str, rule: re.Pattern[str] = FIRST_DOT) -> tuple[str, str] | None:
    """Return a member's key and lower-case extension; None for a name that has not both."""
    match = rule.fullmatch(name)
    return (match[1], match[2].lower()) if match else None


def ending(extension: str) -> str:
    """Return the last part of an extension."""
    return extension.rpartition(".")[2]


def dotted(name: str) -> bool:
    """Whether an image's name is one that only the rule of the last dot takes for an image."""
    return name.rpartition("/")[2].count(".") > 1


def unsafe(name: str) -> bool:
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
