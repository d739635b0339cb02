"""excite(): all that is said of a model's gates on a split of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from senet.data.stream import StreamSplit
from senet.data.unused import Unused, unused
from senet.errors import UsageError, nearest
from senet.excitation.collect import Collected, collect_split
from senet.excitation.statistics import Statistics
from senet.excitation.statistics.summarise import summarise
from senet.excitation.summary import Excitation, Group
from senet.inference.classifier import Classifier
from senet.inference.evaluation import ignore
from senet.ranks.team import ALONE, Team
from senet.text import counted

SHOWN = 4
"""Classes that are shown unless others are asked for, as in the paper's figure 6."""


@dataclass(frozen=True, eq=False)
class Images:
    """The images that a model is looked at with.

    Args:
        name: Of the split, for reading.
        split: The images, with the numbers of their classes.
        classes: What the data calls them, in the order of the numbers.
        titles: What people call them; empty texts where nobody says.
        shown: Numbers of the classes that are shown.
        unused: What the source has beside them.
    """

    name: str
    split: StreamSplit
    classes: tuple[str, ...]
    titles: tuple[str, ...]
    shown: tuple[int, ...]
    unused: tuple[Unused, ...] = ()


def excite(
    made: Classifier, images: Images, watch: Callable[[int, int], None] = ignore, team: Team = ALONE
) -> Collected:
    """Gather the statistics of a model's gates over images.

    Raises:
        SenetError: As of :func:`~senet.excitation.collect.collect_split`.
    """
    statistics = Statistics(len(images.classes), images.shown)
    return collect_split(made, images.split, statistics, watch, team)


def described(
    collected: Collected, images: Images, title: str, where: str, particulars: Mapping[str, Any]
) -> Excitation:
    """Return what was gathered as what is shown.

    Args:
        collected: Of the images.
        images: Them.
        title: Network and attention.
        where: The weights.
        particulars: Settings and environment.
    """
    files, seen = images.split.files, collected.classes.tolist()
    groups = tuple(map(Group, images.classes, images.titles, seen))
    everything = Group(_everything(images.classes), "", sum(seen))
    gates = tuple(summarise(gate) for gate in collected.statistics.gates.values())
    return Excitation(
        title=title,
        where=where,
        data=images.name,
        images=tuple(files.samples.name(i) for i in range(len(files))),
        labels=tuple(files.labels.tolist()),
        unreadable=len(files) - sum(seen),
        classes=groups,
        groups=(everything, *(groups[number] for number in images.shown)),
        gates=gates,
        silent=collected.silent,
        bytes=collected.statistics.bytes,
        particulars=particulars,
        notes=tuple(notes_of(collected)),
        unused=(*images.unused, *unused("unreadable", "", collected.unreadable)),
    )


def notes_of(collected: Collected) -> list[str]:
    """Return what a reader has to know, one sentence each: what is not counted, and what was slow."""
    said = []
    if collected.unread:
        said.append(f"{counted(collected.unread, 'run')} of gates that the first batch did not have: not counted")
    for name, passes in collected.statistics.missed.items():
        said.append(f"{name} did not run in {counted(passes, 'batch', 'batches')}: these images are not counted for it")
    return said


def _everything(classes: Sequence[str]) -> str:
    """Return what all images are called, where a class may be called so too."""
    name = "all"
    while name in classes:
        name += " images"
    return name


def chosen_classes(
    wanted: Sequence[str] | None, classes: Sequence[str], titles: Sequence[str], seen: Sequence[int]
) -> tuple[int, ...]:
    """Return the numbers of the classes that are shown.

    Args:
        wanted: Names or titles; None for the first few that have images.
        classes: Names.
        titles: Of each, may be empty.
        seen: Images of each.

    Raises:
        UsageError: No such class, or a title of several.
    """
    if wanted is None:
        return tuple(number for number, images in enumerate(seen) if images)[:SHOWN]
    return tuple(dict.fromkeys(_number(name, classes, titles) for name in wanted))


def _number(name: str, classes: Sequence[str], titles: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    found = [number for number, title in enumerate(titles) if title == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{name!r} is the title of {len(found)} classes", do=f"name one: {', '.join(classes[n] for n in found)}"
        )
    known = [*classes, *filter(None, titles)]
    raise UsageError(f"--classes {name}: the data has no such class", do=nearest(name, known))
