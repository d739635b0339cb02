"""What a check of a data folder finds."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "note"]


@dataclass(frozen=True)
class Finding:
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
class Report:
    """Everything that :func:`senet.data.check.check` found.

    Args:
        folder: The checked folder.
        splits: What each split holds.
        classes: The class map, sorted by code point.
        findings: In the order of the check.
    """

    folder: str
    splits: tuple[SplitCount, ...]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether there are no errors; notes do not count."""
        return all(finding.severity == "note" for finding in self.findings)

    def counts(self) -> dict[str, int]:
        """Return how often each kind was found, errors first."""
        ordered = sorted(self.findings, key=lambda finding: finding.severity)
        return dict(Counter(finding.kind for finding in ordered))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it; names that are not UTF-8 keep their bytes as lone surrogates."""
        return {"clean": self.clean, "counts": self.counts(), **asdict(self)}
