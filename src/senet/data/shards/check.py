"""Check shards as a folder of images is checked, and what is theirs: presence, checksums, members."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from senet.data.check import report_on
from senet.data.digests import content_digests
from senet.data.examine import in_order
from senet.data.images import MAX_PIXELS
from senet.data.look import Look, look_at
from senet.data.record import Finding, Report
from senet.data.samples import Samples
from senet.data.shards.layout import Layout, find
from senet.data.shards.members import PICKLED, Label
from senet.data.shards.parquet import read_split
from senet.data.shards.table import Table
from senet.data.shards.tables import table_of
from senet.data.shards.tar import tar_samples
from senet.data.tree import Tree
from senet.errors import DataError
from senet.text import plain


@dataclass(frozen=True)
class Opened:
    """A shard that can be opened.

    Args:
        split: Its split.
        name: Its file.
        samples: Its images.
        labels: Their labels.
    """

    split: str
    name: str
    samples: Samples
    labels: Sequence[Label]


def check_shards(
    root: Path, max_pixels: int = MAX_PIXELS, workers: int = 0, watch: Callable[[int, int], None] | None = None
) -> Report:
    """Read every image of every shard as training would; arguments as :func:`senet.data.check.check` has them.

    Raises:
        DataError: No shards to train on, nothing held out, or a broken index.
        ResourceError: A process died.
    """
    root = root.expanduser()
    layout = find(root)
    findings = [Finding("missing-shard", "error", name, "the shard is missing") for name in layout.missing]
    findings += _checksums(layout)
    opened = list(_opened(layout, findings))
    looks: dict[str, Look] = {}
    total = sum(len(shard.samples) for shard in opened)
    one = partial(_looks, max_pixels=max_pixels)
    for shard, found in zip(opened, in_order(one, opened, workers, lambda shard: shard.name, chunk=1), strict=True):
        looks |= {shard.samples.name(i): look for i, look in enumerate(found)}
        if watch:
            watch(len(looks), total)
    return report_on(root, _trees(layout, opened), looks, findings)


def _checksums(layout: Layout) -> Iterator[Finding]:
    names = [name for name in layout.entries if name not in layout.missing]
    for name, digest in zip(names, content_digests(layout.root, names), strict=True):
        if digest != layout.entries[name].sha256:
            yield Finding("corrupt-shard", "error", name, "its SHA-256 is not that of the index")


def _opened(layout: Layout, findings: list[Finding]) -> Iterator[Opened]:
    """Yield the shards that can be opened; add what is found in others."""
    for split, names in layout.shards.items():
        for name in names:
            if name in layout.missing:
                continue
            try:
                samples, labels = OPENERS[Path(name).suffix](layout, name, findings)
            except DataError as error:
                findings.append(Finding("shard", "error", name, error.what))
            else:
                yield Opened(split, name, samples, labels)


def _tar(layout: Layout, name: str, findings: list[Finding]) -> tuple[Samples, Sequence[Label]]:
    table = table_of(layout.root / name, layout.entries.get(name))
    findings += _members(name, table)
    return tar_samples(layout.root, (name,), (table,), {}), table.labels


def _parquet(layout: Layout, name: str, findings: list[Finding]) -> tuple[Samples, Sequence[Label]]:
    return read_split(layout.root, (name,))[:2]


OPENERS = {".tar": _tar, ".parquet": _parquet}


def _members(shard: str, table: Table) -> Iterator[Finding]:
    for fault in table.faults:
        yield Finding(fault.kind, "error", f"{shard}/{fault.name}", fault.text)
    for extension, count in table.passed:
        kind, why = ("pickled", "never unpickled") if extension in PICKLED else ("other", "nothing here decodes them")
        yield Finding(kind, "note", shard, f"{count} members .{plain(extension)}: {why}")


def _looks(shard: Opened, max_pixels: int) -> list[Look]:
    return [
        look_at(partial(shard.samples.read, i), Path(shard.samples.name(i)).suffix, max_pixels)
        for i in range(len(shard.samples))
    ]


def _trees(layout: Layout, opened: Sequence[Opened]) -> list[Tree]:
    """Return the splits as if they were class folders."""
    trees = []
    for split in layout.shards:
        images: dict[str, list[Path]] = defaultdict(list, {name: [] for name in layout.classes or ()})
        for shard in opened:
            if shard.split == split:
                for i, label in enumerate(shard.labels):
                    images[_class(label, layout.classes)].append(layout.root / shard.samples.name(i))
        known = split == "train" or layout.classes is None
        kept = {name: tuple(paths) for name, paths in images.items() if paths or known}
        trees.append(Tree(layout.root / split, kept, ()))
    return trees


def _class(label: Label, classes: Sequence[str] | None) -> str:
    if isinstance(label, int) and classes and label < len(classes):
        return classes[label]
    return str(label)
