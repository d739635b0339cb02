"""What a check of a data folder finds."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from senet.data.unused import Unused

Severity = Literal["error", "note"]

LEAVE_OUT = "remove them, or leave them out of training: --on-error skip"
ONE_OF_TWO = "remove one of the two"
SCALE = "all are resized to one size; another one: --image-size N"

# What to do about findings of a kind, in words that follow its name.
REMEDIES = {
    **dict.fromkeys(("empty", "truncated", "broken", "not-an-image", "no-image", "unreadable"), LEAVE_OUT),
    "missing": "mend the link or the row that names it",
    "bomb": "remove it, or store it smaller",
    "format": "convert those that are not read: magick mogrify -format png FILES",
    "leak": "remove the training image or the held-out one; a score on it says nothing",
    "near-leak": "look at both, and remove one of the two: a score on it says little",
    "two-labels": "remove the file under the wrong label",
    "near-two-labels": "look at both: one of the labels may be wrong",
    "duplicate": f"{ONE_OF_TWO}, unless it is to count twice",
    "near-duplicate": f"{ONE_OF_TWO}, unless both are to count",
    "blank": "remove them, unless an empty picture is a case of its class",
    "size": SCALE,
    "imbalance": 'class_weights = "balanced" in a recipe weighs all classes alike',
    "small-class": "add images of it",
    "empty-class": "add images, or remove the folder",
    "unknown-class": "rename it, add training images of it, or remove it",
    "collision": "rename one of them",
    "missing-shard": "fetch it, or pack the data again",
    "corrupt-shard": "fetch it, or pack the data again",
    "shard": "fetch it again, or write it again",
    "dots": "write names with one dot: a_001.jpg, a_001.cls",
    "no-label": "write the label of K.jpg to K.cls",
    "two-images": "write one image and one label under each key",
    "twice": "write each name once",
    "apart": "write the tar with tar --sort=name",
    "beside": "put them below train/, val/ or test/, or remove them",
    "unlisted": "write rows for them, or remove them",
}


@dataclass(frozen=True)
class CheckFinding:
    """One thing that a user should know of before training.

    Args:
        kind: For counting, such as ``truncated`` or ``leak``.
        severity: ``error`` stops training or makes its score wrong; a ``note`` does neither.
        path: Relative to the checked folder, as the file system has it.
        detail: What it is, in words.
    """

    kind: str
    severity: Severity
    path: str
    detail: str


@dataclass(frozen=True)
class SplitCount:
    """What a split holds.

    Args:
        name: train, val or test.
        classes: Class folders.
        images: Files that count as images.
        readable: Those that can be read.
        least: Images of the smallest class.
        most: Images of the largest class.
    """

    name: str
    classes: int
    images: int
    readable: int
    least: int
    most: int


@dataclass(frozen=True)
class CheckReport:
    """Everything that :func:`senet.data.check.check.check` found.

    Args:
        folder: The checked folder.
        splits: What each split holds.
        classes: The class map, sorted by code point.
        findings: In the order of the check.
        unused: What of the source is not used.
    """

    folder: str
    splits: tuple[SplitCount, ...]
    classes: tuple[str, ...]
    findings: tuple[CheckFinding, ...]
    unused: tuple[Unused, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there are no errors; notes do not count."""
        return all(finding.severity == "note" for finding in self.findings)

    def counts(self) -> dict[str, int]:
        """Return how often each kind was found, errors first."""
        ordered = sorted(self.findings, key=lambda finding: finding.severity)
        return dict(Counter(finding.kind for finding in ordered))

    def remedies(self) -> dict[str, str]:
        """Return what to do about each kind that was found, where something is to be done."""
        return {kind: REMEDIES[kind] for kind in self.counts() if kind in REMEDIES}

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it; names that are not UTF-8 keep their bytes as lone surrogates."""
        return {"clean": self.clean, "counts": self.counts(), "remedies": self.remedies(), **asdict(self)}
