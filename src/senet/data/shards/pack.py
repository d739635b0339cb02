"""Write a data source as shards: WebDataset tars with an index, tables and checksums; all of it or nothing."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from senet.data.loader.samples import LabelledSamples
from senet.data.sampling.seeding import generator
from senet.data.shards.index import INDEX, ShardEntry, ShardIndex, to_text
from senet.data.shards.tar.write import BLOCK, unreadable_image_error, write_shard
from senet.data.sources.source import Source, class_names, labelled_samples
from senet.data.unused import Unused, warn_unused
from senet.errors import ResourceError, UsageError
from senet.utils.files import require_writable, write_text, writing_remedy
from senet.utils.text import printable


@dataclass(frozen=True)
class ShardSize:
    """How much goes into a shard; the limit that is met first counts.

    Args:
        bytes: Of the file, about; a larger image has a shard of its own.
        samples: Images.
    """

    bytes: int = 256_000_000
    samples: int = 10**9

    def __post_init__(self) -> None:
        if min(self.bytes, self.samples) < 1:
            raise UsageError(f"shards of {self.bytes} bytes or {self.samples} samples", do="give a positive size")


SIZE = ShardSize()


def pack(
    source: Source,
    out: Path,
    size: ShardSize = SIZE,
    watch: Callable[[int, int], None] | None = None,
    tell: Callable[[Sequence[Unused]], None] = warn_unused,
) -> ShardIndex:
    """Pack every split of a source. The bytes of the images are kept as they are; none is decoded.

    Training images are in an order drawn once, so that a shard has images of all classes. Packing the same source
    twice gives the same bytes.

    Args:
        source: Has train, and val and/or test.
        out: A folder that is empty or not there. It appears when all is written.
        size: How much goes into a shard.
        watch: Is told (images done, images in all).
        tell: Is given what of the source is not packed.

    Raises:
        UsageError: ``out`` is not empty.
        DataError: An image cannot be read; a class or split trap, as :func:`senet.data.divided` has them.
        ResourceError: The disk is full or cannot be written; nothing is left behind.
    """
    out = out.expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{printable(out)} exists and is not empty", do="remove it, or pass another --out")
    classes, splits = _ordered(source)
    tell((*source.outside_splits, *(record for files in splits.values() for record in files.unused)))
    require_writable(out.parent)
    unfinished = _made(out)
    try:
        index = _written(unfinished, classes, splits, size, _counting(splits, watch))
        _publish(unfinished, out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return index


def _made(out: Path) -> Path:
    """Make a folder beside another one, with the permissions that one has, or would have if it were made here."""
    unfinished = out.with_name(f".{out.name[:200]}.{os.getpid()}.tmp")
    unfinished.mkdir(parents=True)
    if out.exists():
        unfinished.chmod(stat.S_IMODE(out.stat().st_mode))
    return unfinished


def _ordered(source: Source) -> tuple[tuple[str, ...], dict[str, LabelledSamples]]:
    source.require_splits()
    listed = {split: source.read(split) for split in source.splits}
    classes = class_names(listed["train"])
    splits = {split: labelled_samples(one, classes, split=split) for split, one in listed.items()}
    order = torch.randperm(len(splits["train"]), generator=generator("pack"))
    return classes, splits | {"train": splits["train"].subset(order)}


def _counting(splits: dict[str, LabelledSamples], watch: Callable[[int, int], None] | None) -> Callable[[int], None]:
    """Return what is told of every image."""
    done, total = 0, sum(map(len, splits.values()))

    def count(images: int) -> None:
        nonlocal done
        done += images
        if watch:
            watch(done, total)

    return count


def _written(
    out: Path,
    classes: tuple[str, ...],
    splits: dict[str, LabelledSamples],
    size: ShardSize,
    count: Callable[[int], None],
) -> ShardIndex:
    entries: dict[str, tuple[ShardEntry, ...]] = {}
    for split, files in splits.items():
        shards = []
        for number, part in enumerate(_cut(files, size)):
            shards.append(write_shard(out / f"{split}-{number:05}.tar", files, part))
            count(len(part))
        entries[split] = tuple(shards)
    index = ShardIndex(classes, entries)
    write_text(out / INDEX, to_text(index))
    return index


def _cut(files: LabelledSamples, size: ShardSize) -> Iterator[range]:
    """Yield the images of each shard."""
    first, total = 0, 0
    for i in range(len(files)):
        try:
            length = files.samples.size(i) + 4 * BLOCK
        except OSError as error:
            raise unreadable_image_error(files.samples.name(i), error) from error
        if i > first and (total + length > size.bytes or i - first == size.samples):
            yield range(first, i)
            first, total = i, 0
        total += length
    yield range(first, len(files))


def _publish(unfinished: Path, out: Path) -> None:
    try:
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        do = writing_remedy(error, "pass another --out")
        raise ResourceError(f"cannot write: {error.strerror}", where=printable(out), do=do) from error
