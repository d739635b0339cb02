"""Read a list of images that a spreadsheet or a script wrote: a line of column names, then path, label and split."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from senet.errors import DataError
from senet.utils.text import counted, printable

HEADER = "begin it with a line of column names: path,label or path,label,split"
NEEDED = ("path", "label")
KNOWN = (*NEEDED, "split")
SEPARATORS = (",", ";", "\t")
FEW = 3  # names in a message


@dataclass(frozen=True)
class CsvRow:
    """A line of a list.

    Args:
        line: Its number in the file, from 1.
        path: As it is written.
        label: The name of a class.
        split: As it is written; empty where the list has no such column.
    """

    line: int
    path: str
    label: str
    split: str


@dataclass(frozen=True)
class CsvFile:
    """A list, as it is written.

    Args:
        rows: Without those that are empty.
        split: Whether it has a column of splits.
        columns: Names of the columns that are not read.
    """

    rows: tuple[CsvRow, ...]
    split: bool
    columns: tuple[str, ...]


def read_csv(path: Path) -> CsvFile:
    """Read a list, separated by commas, semicolons or tabs; spaces around a cell do not count.

    Raises:
        DataError: Missing, no text, without the columns path and label, or rows that lack one of them or have more
            cells than there are columns; they are named by their lines.
    """
    text = _text(path)
    separator, names = _header(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in islice(reader, 1, None)]
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num}: {printable(error)}", where=printable(path), do="mend the quotes"
        ) from error
    found = tuple(_rows(((line, cells) for line, cells in rows if any(cells)), names, path))
    rest = tuple(name or f"column {i + 1}" for i, name in enumerate(names) if name not in KNOWN)
    return CsvFile(found, "split" in names, rest)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        do = "list:FILE.csv names a file of rows path,label"
        raise DataError(f"cannot read the list: {error.strerror}", where=printable(path), do=do) from error
    try:
        return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the list is not UTF-8: {error.reason}", where=printable(path), do="save it as UTF-8"
        ) from error


def _header(text: str, path: Path) -> tuple[str, list[str]]:
    """Return what separates the cells, and the names of the columns: in small letters where they are ours."""
    line = next(iter(text.splitlines()), "")
    for separator in SEPARATORS:
        names = [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
        names = [name.casefold() if name.casefold() in KNOWN else name for name in names]
        if set(NEEDED) <= set(names):
            twice = [name for name in KNOWN if names.count(name) > 1]
            if twice:
                raise DataError(f"two columns are called {twice[0]}", where=printable(path), do="rename one of them")
            return separator, names
    has = f"the first line is {printable(line[:100])!r}" if line else "the list is empty"
    raise DataError(f"no columns path and label: {has}", where=printable(path), do=HEADER)


def _rows(rows: Iterable[tuple[int, list[str]]], names: Sequence[str], path: Path) -> Iterator[CsvRow]:
    wrong: list[str] = []
    at = {name: names.index(name) for name in KNOWN if name in names}
    for line, cells in rows:
        found = {name: cells[i] if i < len(cells) else "" for name, i in at.items()}
        if any(cells[len(names) :]):
            wrong.append(f"line {line}: {len(cells)} cells for {counted(len(names), 'column')}")
        elif lacking := [name for name in at if not found[name]]:
            wrong.append(f"line {line}: no {lacking[0]}")
        yield CsvRow(line, found["path"], found["label"], found.get("split", ""))
    if wrong:
        more = f" and {len(wrong) - FEW:,} more" if len(wrong) > FEW else ""
        said = f"{counted(len(wrong), 'row')} of the list cannot be read: {', '.join(wrong[:FEW])}{more}"
        do = "fill these cells, quote a cell that has a separator in it, or remove the rows"
        raise DataError(said, where=printable(path), do=do)
