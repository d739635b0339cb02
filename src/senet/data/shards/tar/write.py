"""Write one shard: a WebDataset tar that is the same for the same images, and the table of its samples."""

import io
import re
import tarfile
from functools import partial
from pathlib import Path, PurePath

from PIL import Image

from senet.data.images.decode import EXTENSIONS
from senet.data.images.inspect import FORMATS
from senet.data.loader.samples import LabelledSamples
from senet.data.shards.index import ShardEntry
from senet.data.shards.tar.index import TarIndex, to_text
from senet.errors import DataError
from senet.utils.files import sha256, write_atomically, write_text
from senet.utils.text import printable

BLOCK = tarfile.BLOCKSIZE


def write_shard(path: Path, files: LabelledSamples, numbers: range) -> ShardEntry:
    """Write some images of a split to a tar.

    Raises:
        DataError: An image cannot be read, or has neither an ending nor a content that tells its format.
        ResourceError: The shard cannot be written.
    """
    rows: list[tuple[str, int, int, int]] = []
    write_atomically(path, partial(_write_tar, files, numbers, rows))
    digest = sha256(path)
    names, offsets, sizes, labels = zip(*rows, strict=True)
    write_text(path.with_suffix(".json"), to_text(TarIndex(names, offsets, sizes, labels), digest))
    return ShardEntry(path.name, len(rows), path.stat().st_size, digest)


def _write_tar(files: LabelledSamples, numbers: range, rows: list[tuple[str, int, int, int]], path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in numbers:
            image, label = PurePath(files.samples.name(number)), int(files.labels[number])
            key = _key(number, image)
            try:
                data = files.samples.read(number)
            except OSError as error:
                raise unreadable_image_error(image, error) from error
            name = f"{key}{_ending(image, data)}"
            rows.append((name, archive.offset + BLOCK, len(data), label))
            _add(archive, name, data)
            _add(archive, f"{key}.cls", str(label).encode())


def _key(number: int, image: PurePath) -> str:
    """Return a key that is safe and unique by its number, and tells a reader which file it was."""
    said = re.sub(r"[^A-Za-z0-9]+", "-", f"{image.parent.name}-{image.stem}").strip("-")
    return f"{number:08}-{said[:60]}"


def _ending(image: PurePath, data: bytes) -> str:
    """Return what the member's name ends in, by which a reader knows an image; rows of a table have no name."""
    if image.suffix.lower() in EXTENSIONS:
        return image.suffix.lower()
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return next(ending for ending, kind in FORMATS.items() if kind == opened.format)
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise DataError("not an image", where=printable(image), do="senet data check lists all such") from error


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a member without owner and time, which would make the same images another file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def unreadable_image_error(name: object, error: OSError) -> DataError:
    """Return what to say of an image that cannot be packed."""
    return DataError(
        f"cannot read the image: {error.strerror}", where=printable(name), do="senet data check lists all such"
    )
