"""What a page says first: what it is of, when and by which command it was made, and what was found."""

from dataclasses import dataclass
from datetime import datetime

from senet.utils.text import short_name

PLACES = ("folder", "list", "shards")  # sources that are named by where they lie


@dataclass(frozen=True)
class PageHeader:
    """The head of a page; names in it stay text.

    Args:
        title: What the page is of, in short names: it is the name of a browser's tab too.
        question: What was asked, a sentence; empty if nothing is to be said.
        facts: Names and values, such as when it was made and how long it took.
        command: That made it, as a shell takes it; empty if none is known.
    """

    title: str
    question: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    command: str = ""


def page_title(network: str, data: str) -> str:
    """Return ``resnet20 on photos``: names without the folders that they lie in, which one machine alone has.

    Args:
        network: Its name, and ``with`` its attention.
        data: The source's name.
    """
    return f"{' with '.join(map(_without_folders, network.split(' with ', 1)))} on {_without_folders(data)}"


def _without_folders(name: str) -> str:
    kind, _, place = name.partition(":")
    if kind in PLACES:
        return short_name(place)
    return name.rsplit("/", 1)[-1] if ":" in name else short_name(name) if "/" in name else name


def date_text(made: datetime) -> str:
    """Return ``30 November 2026, 06:01 UTC``."""
    return f"{made.day} {made:%B %Y, %H:%M} {made.tzname() or ''}".rstrip()


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
