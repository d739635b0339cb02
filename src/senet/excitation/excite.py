"""excite(): all that is said of a model's gates on a split of images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from senet.data.loader.stream_split import StreamSplit
from senet.data.unused import Unused, unused
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import UsageError, did_you_mean
from senet.excitation.collect import CollectedGates, collect_split
from senet.excitation.statistics import Statistics
from senet.excitation.statistics.specificity import summarise_gate
from senet.excitation.summary import QUANTILES, Excitation, GateSummary, ImageGroup
from senet.inference.classifier import Classifier
from senet.inference.evaluation import ignore_progress
from senet.utils.files import csv_text, write_text
from senet.utils.text import counted, csv_cell

SHOWN_CLASSES = 4
"""Classes that are shown unless others are asked for, as in the paper's figure 6."""


@dataclass(frozen=True, eq=False)
class ImageSplit:
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
    classifier: Classifier,
    images: ImageSplit,
    watch: Callable[[int, int], None] = ignore_progress,
    group: ProcessGroup = SINGLE_PROCESS,
) -> CollectedGates:
    """Gather the statistics of a model's gates over images.

    Raises:
        SenetError: As of :func:`~senet.excitation.collect.collect_split`.
    """
    statistics = Statistics(len(images.classes), images.shown)
    return collect_split(classifier, images.split, statistics, watch, group)


def summarise_excitation(
    collected: CollectedGates, images: ImageSplit, title: str, where: str, particulars: Mapping[str, Any]
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
    groups = tuple(map(ImageGroup, images.classes, images.titles, seen))
    everything = ImageGroup(_everything(images.classes), "", sum(seen))
    gates = tuple(summarise_gate(gate) for gate in collected.statistics.gates.values())
    return Excitation(
        title=title,
        where=where,
        data=images.name,
        images=tuple(files.samples.name(i) for i in range(len(files))),
        labels=tuple(files.labels.tolist()),
        unreadable=len(files) - sum(seen),
        classes=groups,
        groups=(everything, *(groups[number_text] for number_text in images.shown)),
        gates=gates,
        silent=collected.silent,
        bytes=collected.statistics.bytes,
        particulars=particulars,
        notes=tuple(notes_of(collected)),
        unused=(*images.unused, *unused("unreadable", "", collected.unreadable)),
    )


def notes_of(collected: CollectedGates) -> list[str]:
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


def choose_classes(
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
        return tuple(number_text for number_text, images in enumerate(seen) if images)[:SHOWN_CLASSES]
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
    raise UsageError(f"--classes {name}: the data has no such class", do=did_you_mean(name, known))


GATE_COLUMNS = (
    "gate",
    "weighs",
    "values",
    "low",
    "high",
    "not_finite",
    "mean",
    "saturated_low",
    "saturated_high",
    "constant",
)
STATISTIC_COLUMNS = ("specificity", "specificity_low", "specificity_high", "redundancy", "effective_rank")
VALUE_COLUMNS = (
    "gate",
    "value",
    "group",
    "images",
    "mean",
    "deviation",
    *(f"quantile_{share:g}" for share in QUANTILES),
)


def write_tables(found: Excitation, folder: Path) -> list[Path]:
    """Write ``gates.csv``, a row for each gate, and ``values.csv``, one for each value and group; return their paths.

    Raises:
        ResourceError: They cannot be written.
    """
    gates, values = folder / "gates.csv", folder / "values.csv"
    write_text(gates, csv_text((*GATE_COLUMNS, *STATISTIC_COLUMNS), map(_gate, found.gates)))
    write_text(values, csv_text(VALUE_COLUMNS, (row for gate in found.gates for row in _values(found, gate))))
    return [gates, values]


def _gate(gate: GateSummary) -> list[object]:
    about = [csv_cell(gate.name), gate.kind, " x ".join(map(str, gate.shape))]
    numbers = (gate.low, gate.high, gate.mean, gate.saturated_low, gate.saturated_high, gate.constant)
    low, high, *shares = map(number_text, numbers)
    specific = gate.specificity
    learned = map(number_text, (specific.value, specific.low, specific.high, gate.redundancy, gate.rank))
    return [*about, low, high, gate.not_finite, *shares, *learned]


def _values(found: Excitation, gate: GateSummary) -> Iterator[list[object]]:
    """Yield a row for each value: a channel, a position ``row:column`` or a branch's channel, ``branch:channel``."""
    names = [":".join(map(str, place)) for place in product(*map(range, gate.shape))]
    for group, profile in zip(found.groups, gate.profiles, strict=True):
        quantiles = profile.quantiles or [(float("nan"),) * len(names)] * len(QUANTILES)
        for name, *row in zip(names, profile.mean, profile.deviation, *quantiles, strict=True):
            yield [csv_cell(gate.name), name, csv_cell(group.name), profile.images, *map(number_text, row)]


def number_text(value: float) -> str:
    """Return six digits, ``n/a`` where there is no number."""
    return "n/a" if value != value else f"{value:.6g}"
