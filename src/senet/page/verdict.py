"""What a page says first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What the evidence supports.

    Args:
        sentence: As a person would say it.
        numbers: That it stands on, in sentences too; empty where there are none.
    """

    sentence: str
    numbers: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.numbers}".rstrip()
