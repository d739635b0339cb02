"""Write a data folder as shards: WebDataset tars with an index, tables and checksums; all of it or nothing."""

import hashlib
import io
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from senet.data.classes import class_map
from senet.data.folder import labelled
from senet.data.images import read
from senet.data.names import plain
from senet.data.seeds import generator
from senet.data.shards.index import INDEX, Entry, Index, to_text
from senet.data.shards.table import Table
from senet.data.shards.table import to_text as table_text
from senet.data.tree import held_out, scan
from senet.errors import DataError, ResourceError, UsageError
from senet.files import require_writable, write_atomically, write_text

BLOCK = tarfile.BLOCKSIZE
Item = tuple[Path, int]


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
            shards.append(_shard(out / f"{split}-{number:05}.tar", part, first))
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
            raise _unreadable(path, error) from error
        if part and (total + length > size.bytes or len(part) == size.samples):
            yield part
            part, total = [], 0
        part.append((path, label))
        total += length
    yield part


def _shard(path: Path, items: Sequence[Item], first: int) -> Entry:
    rows: list[tuple[str, int, int, int]] = []
    write_atomically(path, partial(_write_tar, items, first, rows))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    names, offsets, sizes, labels = zip(*rows, strict=True)
    write_text(path.with_suffix(".json"), table_text(Table(names, offsets, sizes, labels), digest))
    return Entry(path.name, len(rows), path.stat().st_size, digest)


def _write_tar(items: Sequence[Item], first: int, rows: list[tuple[str, int, int, int]], path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, (image, label) in enumerate(items, first):
            key = _key(number, image)
            try:
                data = read(image)
            except OSError as error:
                raise _unreadable(image, error) from error
            name = f"{key}{image.suffix.lower()}"
            rows.append((name, archive.offset + BLOCK, len(data), label))
            _add(archive, name, data)
            _add(archive, f"{key}.cls", str(label).encode())


def _key(number: int, image: Path) -> str:
    """Return a key that is safe and unique by its number, and tells a reader which file it was."""
    said = re.sub(r"[^A-Za-z0-9]+", "-", f"{image.parent.name}-{image.stem}").strip("-")
    return f"{number:08}-{said[:60]}"


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a member without owner and time, which would make the same images another file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot read the image: {error.strerror}", where=plain(path), do="senet data check lists all such"
    )


def _publish(unfinished: Path, out: Path) -> None:
    try:
        unfinished.chmod(0o755)  # mkdtemp's is for its owner alone
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        raise ResourceError(f"cannot write: {error.strerror}", where=plain(out), do="pass another --out") from error
