"""One Parquet file: opening it, and which of its columns hold what."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from senet.data.classes import from_json
from senet.errors import DataError, UsageError
from senet.text import plain

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a Parquet file; what goes wrong in reading it is an error that names it.

    Raises:
        DataError: Missing, truncated, corrupt.
        UsageError: The extra is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise UsageError("Parquet needs the extra `stream`", do="pip install 'senet[stream]'") from error
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (OSError, ArrowException, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(
            f"cannot read the shard: {plain(error) or type(error).__name__}", where=plain(path), do="fetch it again"
        ) from error


def columns(found: Sequence[str], path: object) -> tuple[str, str]:
    """Return the columns of images and of labels.

    Raises:
        DataError: One of them is not there.
    """
    image = next((name for name in IMAGES if name in found), None)
    label = next((name for name in LABELS if name in found), None)
    if image is None or label is None:
        raise DataError(
            f"no column of images ({', '.join(IMAGES)}) and of labels ({', '.join(LABELS)}) but {', '.join(found)}",
            where=plain(path),
            do="rename the columns",
        )
    return image, label


def class_names_of(metadata: dict[bytes, bytes], column: str, path: object) -> tuple[str, ...] | None:
    """Return the names that `datasets` keeps in the file's schema."""
    said = json.loads(metadata.get(b"huggingface", b"{}"))
    names = said.get("info", {}).get("features", {}).get(column, {}).get("names")
    return from_json(names, plain(path)) if names else None


def encoded(value: Any) -> bytes:
    """Return the image of a cell, bytes or `datasets`' pair of bytes and path; a path is never followed.

    A cell without bytes is an empty image, which is an error of its own row and no other.
    """
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else b""
