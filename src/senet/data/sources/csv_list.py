"""Images that a list names: a CSV file of paths and labels, ``list:FILE.csv``."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.check.report import CheckFinding
from senet.data.images.decode import EXTENSIONS, UNSUPPORTED_EXTENSIONS
from senet.data.loader.samples import PathSamples, pack_names
from senet.data.sources.csv_file import CsvFile, CsvRow, read_csv
from senet.data.sources.source import HOLD_OUT, SourceInspection, SplitListing
from senet.data.sources.split_names import NAMES, SPLITS, split_by_name
from senet.data.unused import Unused, group_unused, unused
from senet.errors import DataError
from senet.utils.text import counted, printable

SPLIT_NAMES = f"{', '.join(SPLITS)} (or {', '.join(name for names in NAMES.values() for name in names[1:])})"


@dataclass(frozen=True)
class ListSource:
    """The images of a CSV file with a line of names ``path,label`` and, if it likes, ``split``.

    Paths are relative to the file's folder, or absolute. Labels are names of classes, in the order of their numbers if
    all are whole numbers, else of code points. Without a column ``split`` nothing is held out.

    Args:
        file: The list; separated by commas, semicolons or tabs, UTF-8 or UTF-16.
    """

    file: Path

    @property
    def name(self) -> str:
        """The source."""
        return f"list:{self.file}"

    @property
    def where(self) -> str:
        """The path."""
        return str(self.file)

    @property
    def augmentation(self) -> None:
        """Nobody says."""

    @property
    def root(self) -> Path:
        """What paths are relative to."""
        return self.file.parent

    @cached_property
    def csv(self) -> CsvFile:
        """What is written there."""
        return read_csv(self.file)

    @cached_property
    def rows(self) -> dict[str, list[CsvRow]]:
        """The rows of each split, without those that repeat another; of the split "" where the list has none.

        Raises:
            DataError: A split of another name; one image under two labels, or in two splits.
        """
        found: dict[str, list[CsvRow]] = {}
        first: dict[str, CsvRow] = {}
        for row in self.csv.rows:
            before = first.setdefault(self._place(row), row)
            if before is row:
                found.setdefault(self._split(row), []).append(row)
            elif (before.label, self._split(before)) != (row.label, self._split(row)):
                raise self._contrary(before, row)
        return {split: found[split] for split in (*SPLITS, "") if split in found}

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of train, val and test there are; ``("",)`` where the list has no column of splits."""
        return tuple(self.rows)

    @property
    def outside_splits(self) -> tuple[Unused, ...]:
        """Columns that are not read, rows that repeat another, images that lie beside the listed ones."""
        kept = {row.line for rows in self.rows.values() for row in rows}
        again = [f"line {row.line}" for row in self.csv.rows if row.line not in kept]
        unlisted = group_unused(("unlisted", "", name) for name in self._unlisted())
        return (*unused("column", "", self.csv.columns), *unused("repeated", "", again), *unlisted)

    def require_splits(self) -> None:
        """Refuse a list without training images, or without held-out ones."""
        where = printable(self.file)
        if not self.rows:
            raise DataError("the list has no rows", where=where, do="write one row path,label for each image")
        if self.splits == ("",):
            raise DataError("the list has no column split: no images are held out", where=where, do=HOLD_OUT)
        if "train" not in self.splits:
            raise DataError("the list has no rows of train", where=where, do=f"a row's split is {SPLIT_NAMES}")
        if len(self.splits) < 2:
            raise DataError("the list has rows of train alone", where=where, do=HOLD_OUT)

    def read(self, split: str) -> SplitListing:
        """List the images of a split, in the order of the rows.

        Raises:
            DataError: Some are not there.
        """
        rows = self.rows[split]
        if missing := self._missing(rows):
            first = missing[0]
            said = f"{len(missing):,} of {counted(len(rows), 'image')} are not there: {printable(first.path)}"
            how = "write / in place of \\" if "\\" in first.path else f"paths are relative to {printable(self.root)}/"
            raise DataError(said, where=f"{printable(self.file)}, line {first.line}", do=f"mend the paths: {how}")
        return self._listed(rows, split)

    def inspect(self, split: str) -> SourceInspection:
        """List the images of a split that are there, and name the others."""
        rows = self.rows[split]
        missing = self._missing(rows)
        lines = {row.line for row in missing}
        findings = tuple(CheckFinding("missing", "error", row.path, f"not there; line {row.line}") for row in missing)
        return SourceInspection(self._listed([row for row in rows if row.line not in lines], split), findings)

    def _listed(self, rows: Sequence[CsvRow], split: str) -> SplitListing:
        samples = PathSamples(self.root, pack_names(row.path for row in rows))
        where = ", ".join(filter(None, (printable(self.file), split)))
        labels = [row.label for row in rows]
        return SplitListing(samples, labels, class_order(set(labels)), where)

    def _missing(self, rows: Sequence[CsvRow]) -> list[CsvRow]:
        return [row for row in rows if not (self.root / row.path).is_file()]

    def _place(self, row: CsvRow) -> str:
        return os.path.abspath(self.root / row.path)

    def _split(self, row: CsvRow) -> str:
        split = split_by_name(row.split) if self.csv.split else ""
        if split is None:
            said = f"no split is called {printable(row.split)}"
            raise DataError(said, where=f"{printable(self.file)}, line {row.line}", do=f"write {SPLIT_NAMES}")
        return split

    def _contrary(self, one: CsvRow, other: CsvRow) -> DataError:
        labels = one.label != other.label
        found = [printable(row.label if labels else row.split) for row in (one, other)]
        said = f"{printable(one.path)} has two {'labels' if labels else 'splits'}: {' and '.join(found)}"
        where = f"{printable(self.file)}, lines {one.line} and {other.line}"
        return DataError(said, where=where, do="remove one of the rows")

    def _unlisted(self) -> Iterator[str]:
        """Yield images in the folders of listed ones; other folders are not looked into: they may hold a disk."""
        named = {self._place(row) for row in self.csv.rows}
        for folder in sorted({os.path.dirname(place) for place in named}):
            try:
                files = sorted(os.listdir(folder))
            except OSError:  # its images are missing, which is said of them
                continue
            for file in files:
                if (
                    Path(file).suffix.lower() in (*EXTENSIONS, *UNSUPPORTED_EXTENSIONS)
                    and os.path.join(folder, file) not in named
                ):
                    yield os.path.relpath(os.path.join(folder, file), self.root)


def class_order(labels: set[str]) -> tuple[str, ...]:
    """Return the names of classes: whole numbers by their value, else names by code point."""
    numbers = all(label.isascii() and label.isdigit() for label in labels)
    return tuple(sorted(labels, key=lambda label: (int(label) if numbers else 0, label)))
