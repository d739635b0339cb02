"""Write a data folder as shards: WebDataset tars with an index, tables and checksums; all of it or nothing."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from senet.data.classes import class_map
from senet.data.folder import labelled
from senet.data.seeds import generator
from senet.data.shards.index import INDEX, Entry, Index, to_text
from senet.data.shards.write import BLOCK, Item, unreadable, write_shard
from senet.data.tree import held_out, scan
from senet.errors import ResourceError, UsageError
from senet.files import require_writable, write_text
from senet.text import plain


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


def pack_folder(
    folder: Path, out: Path, size: ShardSize = SIZE, watch: Callable[[int, int], None] | None = None
) -> Index:
    """Pack ``train/``, ``val/`` and ``test/``. The bytes of the images are kept as they are; none is decoded.

    Training images are in an order drawn once, so that a shard has images of all classes. Packing the same folder
    twice gives the same bytes.

    Args:
        folder: Holds ``train/<class>/*``.
        out: A folder that is empty or not there. It appears when all is written.
        size: How much goes into a shard.
        watch: Is told (images done, images in all).

    Raises:
        UsageError: ``out`` is not empty.
        DataError: An image cannot be read; a class or split trap, as :func:`senet.data.on_disk.open_folder` has them.
        ResourceError: The disk is full or cannot be written; nothing is left behind.
    """
    folder, out = folder.expanduser(), out.expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{plain(out)} is there and not empty", do="remove it, or pass another --out")
    classes, splits = _listed(folder)
    require_writable(out.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        index = _written(unfinished, classes, splits, size, _counting(splits, watch))
        _publish(unfinished, out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return index


def _listed(folder: Path) -> tuple[tuple[str, ...], dict[str, list[Item]]]:
    trees = {name: scan(folder / name) for name in ("train", *held_out(folder))}
    classes = class_map(trees["train"].classes, plain(folder / "train"))
    splits = {name: labelled(tree, classes) for name, tree in trees.items()}
    order = torch.randperm(len(splits["train"]), generator=generator("pack"))
    splits["train"] = [splits["train"][i] for i in order.tolist()]
    return classes, splits


def _counting(splits: dict[str, list[Item]], watch: Callable[[int, int], None] | None) -> Callable[[int], None]:
    """Return what is told of every image."""
    done, total = 0, sum(map(len, splits.values()))

    def count(images: int) -> None:
        nonlocal done
        done += images
        if watch:
            watch(done, total)

    return count


def _written(
    out: Path, classes: tuple[str, ...], splits: dict[str, list[Item]], size: ShardSize, count: Callable[[int], None]
) -> Index:
    entries: dict[str, tuple[Entry, ...]] = {}
    for split, items in splits.items():
        first, shards = 0, []
        for number, part in enumerate(_cut(items, size)):
            shards.append(write_shard(out / f"{split}-{number:05}.tar", part, first))
            first += len(part)
            count(len(part))
        entries[split] = tuple(shards)
    index = Index(classes, entries)
    write_text(out / INDEX, to_text(index))
    return index


def _cut(items: Iterable[Item], size: ShardSize) -> Iterator[list[Item]]:
    part: list[Item] = []
    total = 0
    for path, label in items:
        try:
            length = path.stat().st_size + 4 * BLOCK
        except OSError as error:
            raise unreadable(path, error) from error
        if part and (total + length > size.bytes or len(part) == size.samples):
            yield part
            part, total = [], 0
        part.append((path, label))
        total += length
    yield part


def _publish(unfinished: Path, out: Path) -> None:
    try:
        unfinished.chmod(0o755)  # mkdtemp's is for its owner alone
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        raise ResourceError(f"cannot write: {error.strerror}", where=plain(out), do="pass another --out") from error
