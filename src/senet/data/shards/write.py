"""Write one shard: a WebDataset tar that is the same for the same images, and the table of its samples."""

import io
import re
import tarfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from senet.data.images import read
from senet.data.shards.index import Entry
from senet.data.shards.table import Table, to_text
from senet.errors import DataError
from senet.files import sha256, write_atomically, write_text
from senet.text import plain

BLOCK = tarfile.BLOCKSIZE
Item = tuple[Path, int]  # an image and the number of its class


def write_shard(path: Path, items: Sequence[Item], first: int) -> Entry:
    """Write images to a tar; the first has the number ``first`` in its split.

    Raises:
        DataError: An image cannot be read.
        ResourceError: The shard cannot be written.
    """
    rows: list[tuple[str, int, int, int]] = []
    write_atomically(path, partial(_write_tar, items, first, rows))
    digest = sha256(path)
    names, offsets, sizes, labels = zip(*rows, strict=True)
    write_text(path.with_suffix(".json"), to_text(Table(names, offsets, sizes, labels), digest))
    return Entry(path.name, len(rows), path.stat().st_size, digest)


def _write_tar(items: Sequence[Item], first: int, rows: list[tuple[str, int, int, int]], path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, (image, label) in enumerate(items, first):
            key = _key(number, image)
            try:
                data = read(image)
            except OSError as error:
                raise unreadable(image, error) from error
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


def unreadable(path: Path, error: OSError) -> DataError:
    """Return what to say of an image that cannot be packed."""
    return DataError(
        f"cannot read the image: {error.strerror}", where=plain(path), do="senet data check lists all such"
    )
