"""One Parquet file: opening it, and which of its columns hold what."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from senet.data.labels.class_map import from_json
from senet.errors import DataError, UsageError
from senet.utils.text import printable

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label", "coarse_label", "class", "category", "target")
LARGE = 2**20  # bytes of a column that is not all missing values
# Run where the images lie; `datasets` itself writes the paths of images that it was given as files.
EMBED = (
    'python -c "from datasets import Dataset, Image; from datasets.table import embed_table_storage as embed; '
    "Dataset.from_parquet('{path}').cast_column('{column}', Image()).with_format('arrow')"
    ".map(embed, batched=True).to_parquet('{path}')\""
)


@contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
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
            f"cannot read the shard: {printable(error) or type(error).__name__}",
            where=printable(path),
            do="fetch it again",
        ) from error


def find_columns(found: Sequence[str], path: object) -> tuple[str, str]:
    """Return the columns of images and of labels, the first that there are of :data:`IMAGES` and :data:`LABELS`.

    Raises:
        DataError: One of them is not there.
    """
    image = next((name for name in IMAGES if name in found), None)
    label = next((name for name in LABELS if name in found), None)
    if image is None or label is None:
        raise DataError(
            f"no column of images ({', '.join(IMAGES)}) and of labels ({', '.join(LABELS)}) but {', '.join(found)}",
            where=printable(path),
            do="name them image and label; datasets: ds.rename_column(OLD, NEW)",
        )
    return image, label


def require_images(file: Any, column: str, path: Path) -> None:
    """Refuse a file whose column of images holds their paths.

    Raises:
        DataError: It holds no bytes of images.
    """
    from pyarrow import types

    kind = file.schema_arrow.field(column).type
    paired = types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    held = kind.field("bytes").type if paired else kind
    binary = any(test(held) for test in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary))
    paths = types.is_string(held) or types.is_large_string(held) or types.is_null(held)
    if paths or (binary and not _has_bytes(file, f"{column}.bytes" if paired else column)):
        raise DataError(
            f"the column {printable(column)} holds paths of images, which are never followed, and not their bytes",
            where=printable(path),
            do=f"write the images into the file: {EMBED.format(path=printable(path), column=printable(column))}",
        )
    if not binary and not types.is_dictionary(held):
        do = f"encode the images; datasets: ds.cast_column('{printable(column)}', Image())"
        raise DataError(
            f"the column {printable(column)} holds {printable(kind)}, not encoded images", where=printable(path), do=do
        )


def _has_bytes(file: Any, column: str) -> bool:
    """Whether there is one value in a column, by the footer where that says it; true of no rows."""
    metadata = file.metadata
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunk = next(one for one in map(group.column, range(group.num_columns)) if one.path_in_schema == column)
        said = chunk.statistics
        if said is not None and said.has_null_count:
            nulls = said.null_count
        elif chunk.total_uncompressed_size > LARGE:
            return True
        else:
            table = file.read_row_group(number, columns=[column]).flatten()
            nulls = table.column(0).null_count
        if nulls < group.num_rows:
            return True
    return not metadata.num_rows


def class_names_of(metadata: dict[bytes, bytes], column: str, path: object) -> tuple[str, ...] | None:
    """Return the names that `datasets` keeps in the file's schema."""
    said = json.loads(metadata.get(b"huggingface", b"{}"))
    names = said.get("info", {}).get("features", {}).get(column, {}).get("names")
    return from_json(names, printable(path)) if names else None


def image_bytes(value: Any) -> bytes | str:
    """Return the image of a cell, bytes or `datasets`' pair of bytes and path; a path is never followed.

    A cell without bytes is an error of its own row and no other: what it has instead is returned, for reading.
    """
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, bytes):
        return data
    path = value.get("path") if isinstance(value, dict) else None
    return f"no bytes of an image in this row, only its path {printable(path)}" if path else "no image in this row"


def require_labels(labels: Sequence[object], said: tuple[str, ...] | None, where: Path) -> None:
    """Refuse labels that are none.

    Raises:
        DataError: A missing label, a fraction, a truth value, or the -1 that Hugging Face writes for "not known".
    """
    wrong = [row for row, label in enumerate(labels) if not _is_label(label, said)]
    if wrong:
        label, more = labels[wrong[0]], f" (1 of {len(wrong):,} such rows)" if len(wrong) > 1 else ""
        hidden = ", which stands for a label that is not given" if label == -1 else ""
        do = "take these rows out, or the file where it has no labels; labels are whole numbers or names"
        raise DataError(
            f"the label of row {wrong[0]} is {printable(label)}{hidden}{more}", where=printable(where), do=do
        )


def _is_label(label: object, said: tuple[str, ...] | None) -> bool:
    if isinstance(label, bool) or not isinstance(label, int | str) or label == "":
        return False
    return label != -1 or not said
