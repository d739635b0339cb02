"""Check a data source before training: everything that would stop a run or spoil its score, and what is odd."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePath

from senet.data.check.duplicates import duplicate_findings, inspected_images, leak_findings
from senet.data.check.report import CheckFinding, CheckReport, SplitCount
from senet.data.images.decode import MAX_PIXELS
from senet.data.images.inspect import ImageInspection, inspect_image
from senet.data.labels.class_map import name_collisions
from senet.data.loader.fetch import FetchJob
from senet.data.loader.samples import Samples
from senet.data.loader.workers import fetch_all
from senet.data.sources.source import Source, SourceInspection, class_name
from senet.data.unused import WORDS, Unused
from senet.utils.text import counted, printable

CHUNK = 64  # images that a worker is given at a time
RATIO = 10  # of the largest class to the smallest; beyond it the small ones hardly count in a loss
SIZES = 3  # named in a sentence


@dataclass(frozen=True)
class InspectedSplit:
    """A split as it was found.

    Args:
        name: train, val or test.
        inspected: Its images, and what is wrong with it.
    """

    name: str
    inspected: SourceInspection

    @cached_property
    def images(self) -> dict[str, list[str]]:
        """Names of the images by class, those of the source without images too."""
        listed = self.inspected.listed
        found: dict[str, list[str]] = {name: [] for name in listed.classes or ()}
        for i, label in enumerate(listed.labels):
            found.setdefault(class_name(label, listed.classes or ()), []).append(listed.samples.name(i))
        return found

    @property
    def names(self) -> list[str]:
        """Names of all images."""
        return [name for images in self.images.values() for name in images]


@dataclass(frozen=True, eq=False)
class ImageInspector:
    """Looks at images, in the process itself or in workers.

    Args:
        samples: The images.
        max_pixels: Larger ones are reported without decoding them.
    """

    samples: Samples
    max_pixels: int

    def __getitem__(self, job: FetchJob) -> list[ImageInspection]:
        return [
            inspect_image(partial(self.samples.read, i), PurePath(self.samples.name(i)).suffix, self.max_pixels)
            for i in job.indices
        ]

    def named(self, index: int) -> str:
        """Name an image in a message."""
        return printable(self.samples.name(index))


def check(
    source: Source, max_pixels: int = MAX_PIXELS, workers: int = 0, watch: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Read every image of a source as training would, and report what is found.

    Args:
        source: Has train, and val and/or test.
        max_pixels: Larger images are reported without decoding them.
        workers: Processes that decode; 0 for none but this.
        watch: Is told (images done, images in all).

    Raises:
        DataError: There is nothing to train on, or nothing held out.
        ResourceError: A process died, and with ``workers=0`` it would have been this one.
    """
    source.require_splits()
    parts = [InspectedSplit(split, source.inspect(split)) for split in source.splits]
    total = sum(len(part.inspected.listed.labels) for part in parts)
    inspections: dict[str, ImageInspection] = {}
    for part in parts:
        samples = part.inspected.listed.samples
        jobs = (_job(first, len(samples)) for first in range(0, len(samples), CHUNK))
        for job, found in fetch_all(ImageInspector(samples, max_pixels), jobs, workers):
            inspections |= zip(map(samples.name, job.indices), found, strict=True)
            if watch:
                watch(len(inspections), total)
    known = [*_beside(source.outside_splits), *(finding for part in parts for finding in part.inspected.findings)]
    odd = (*_contents(inspections), *_sizes(inspections), *_balance(parts[0].images))
    findings = (*known, *_structure(parts), *odd, *_copies(parts, inspections))
    counts = tuple(_count(part, inspections) for part in parts)
    left = (*source.outside_splits, *(record for part in parts for record in part.inspected.listed.unused))
    return CheckReport(source.where, counts, tuple(parts[0].images), findings, left)


def _beside(records: Sequence[Unused]) -> Iterator[CheckFinding]:
    for record in records:
        more = f" ({record.count:,} in all, such as this)" if record.count > 1 else ""
        yield CheckFinding(record.why, "note", record.examples[0], f"not read: {WORDS[record.why]}{more}")


def _job(first: int, count: int) -> FetchJob:
    return FetchJob(first // CHUNK, tuple(range(first, min(first + CHUNK, count))), (), ())


def _structure(parts: Sequence[InspectedSplit]) -> Iterator[CheckFinding]:
    train = parts[0].images
    if len(train) < 2:
        yield CheckFinding(
            "classes", "error", "train", f"{counted(len(train), 'class', 'classes')}; a classifier needs two"
        )
    for group in name_collisions(train):
        names = ", ".join(map(ascii, group))
        yield CheckFinding("collision", "error", "train", f"{names} are one name to other file systems")
    for part in parts:
        if not part.names:
            yield CheckFinding("no-images", "error", part.name, "no images")
    yield from _training_classes(train)
    for part in parts[1:]:
        yield from _held_out_classes(part, train)


def _training_classes(train: dict[str, list[str]]) -> Iterator[CheckFinding]:
    for name, images in train.items():
        if not images and any(train.values()):
            yield CheckFinding("empty-class", "error", f"train/{name}", "a class without training images")
        elif len(images) == 1:
            yield CheckFinding("small-class", "note", f"train/{name}", "one training image: none can be held out of it")


def _held_out_classes(part: InspectedSplit, train: dict[str, list[str]]) -> Iterator[CheckFinding]:
    for name in part.images:
        if name not in train:
            yield CheckFinding("unknown-class", "error", f"{part.name}/{name}", "train has no class of this name")
    for name in train:
        if not part.images.get(name):
            detail = f"{part.name} has no images of {name!r}; its numbers are n/a"
            yield CheckFinding("missing-class", "note", f"{part.name}/{name}", printable(detail))


def _contents(inspections: dict[str, ImageInspection]) -> Iterator[CheckFinding]:
    """Yield what is wrong with images, and once for each kind what is odd about them."""
    odd: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, found in inspections.items():
        if found.problem:
            yield CheckFinding(found.problem.kind, "error", name, found.problem.text)
        for kind, detail in found.oddities:
            odd[kind, detail].append(name)
    for (kind, detail), names in odd.items():
        more = f" ({len(names)} images, this is the first)" if len(names) > 1 else ""
        yield CheckFinding(kind, "note", names[0], detail + more)


def _sizes(inspections: dict[str, ImageInspection]) -> Iterator[CheckFinding]:
    """Yield, where most images are of one size, how many are of another."""
    counts = Counter(look.size for look in inspections.values() if look.problem is None)
    [(most, count)] = counts.most_common(1) or [((0, 0), 0)]
    rest = counts.total() - count
    if rest and count > counts.total() / 2:
        odd = ", ".join(f"{width} x {height} ({n:,})" for (width, height), n in counts.most_common(SIZES + 1)[1:])
        detail = f"{rest:,} of {counts.total():,} images are not of {most[0]} x {most[1]} pixels but of {odd}"
        first = next(name for name, look in inspections.items() if look.problem is None and look.size != most)
        yield CheckFinding("size", "note", first, detail + (", ..." if len(counts) > SIZES + 1 else ""))


def _balance(train: dict[str, list[str]]) -> Iterator[CheckFinding]:
    sizes = {name: len(images) for name, images in train.items() if images}
    if sizes and max(sizes.values()) > RATIO * min(sizes.values()):
        most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        detail = f"{sizes[most]:,} training images of {most!r} and {sizes[least]:,} of {least!r}"
        yield CheckFinding("imbalance", "note", "train", printable(detail))


def _copies(parts: Sequence[InspectedSplit], inspections: dict[str, ImageInspection]) -> Iterator[CheckFinding]:
    train, *held = (inspected_images(part.images, inspections) for part in parts)
    for split in held:
        yield from leak_findings(train, split)
    for split in (train, *held):
        yield from duplicate_findings(split)


def _count(part: InspectedSplit, inspections: dict[str, ImageInspection]) -> SplitCount:
    """Return what a split holds."""
    sizes = [len(images) for images in part.images.values()]
    readable = sum(inspections[name].problem is None for name in part.names)
    return SplitCount(part.name, len(sizes), sum(sizes), readable, min(sizes, default=0), max(sizes, default=0))
