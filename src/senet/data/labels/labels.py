"""What the outputs of a network mean: from the class map in the weights, or from a file that the user names."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from senet.data.labels.class_map import from_json, require_same_classes
from senet.errors import DataError

LARGEST = 2**24  # bytes; the names of 21,841 classes take one


@dataclass(frozen=True)
class Labels:
    """Names of classes and the outputs that stand for them; there may be outputs without a name.

    Args:
        names: As the folders of the data have them, in the order of their outputs.
        numbers: The outputs, ascending, all different.
        titles: What people call the classes (``tench`` for the folder ``n01440764``); empty where none is given.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    titles: tuple[str, ...]

    @cached_property
    def _at(self) -> dict[int, int]:
        return {number: i for i, number in enumerate(self.numbers)}

    def name(self, number: int) -> str:
        """Return the name of an output; its number where it has none."""
        return self.names[self._at[number]] if number in self._at else str(number)

    def title(self, number: int) -> str:
        """Return what people call an output, empty where none is given."""
        return self.titles[self._at[number]] if number in self._at else ""


def labels_from_names(names: Sequence[str], where: str = "") -> Labels:
    """Return the labels of a class map, in which every output has a name.

    Raises:
        DataError: A name twice, or none.
    """
    names = from_json(names, where)
    return Labels(tuple(names), tuple(range(len(names))), ("",) * len(names))


def numbered_labels(outputs: int) -> Labels:
    """Return labels that are the numbers of the outputs."""
    return labels_from_names([str(number) for number in range(outputs)])


def read_labels(path: Path) -> Labels:
    """Read labels from JSON.

    Args:
        path: A list of names in the order of the outputs; or an object with the folder's name of each class and its
            output, ``{"n01440764": 0}`` or ``{"n01440764": {"index": 0, "name": "tench"}}``, which may leave
            outputs out.

    Raises:
        DataError: It is neither.
    """
    where = str(path)
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"larger than {LARGEST} bytes: not a list of classes", where=where)
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"not a readable list of classes: {what}", where=where) from error
    return _numbered(said, where) if isinstance(said, Mapping) else labels_from_names(said, where)


def _numbered(said: Mapping[str, object], where: str) -> Labels:
    rows = sorted((*_entry(value, name, where), name) for name, value in said.items())
    numbers = [number for number, _, _ in rows]
    twice = [name for (number, _, name), before in zip(rows[1:], numbers, strict=False) if number == before]
    if twice or not rows:
        raise DataError(f"two classes have the number of {twice[0]!r}" if twice else "no classes", where=where)
    return Labels(tuple(name for *_, name in rows), tuple(numbers), tuple(title for _, title, _ in rows))


def _entry(value: object, name: str, where: str) -> tuple[int, str]:
    number, title = (value.get("index"), value.get("name", "")) if isinstance(value, Mapping) else (value, "")
    if type(number) is not int or number < 0 or not isinstance(title, str):
        raise DataError(
            f"the class {name!r} has no number: {value!r:.60}", where=where, do='write {"NAME": 0} or {"index": 0}'
        )
    return number, title


def require_same_labels(labels: Labels, stored: Sequence[str], where: str) -> None:
    """Refuse labels from the user that contradict the weights'.

    Args:
        labels: The user's; they may leave outputs out.
        stored: The class map that travels with the weights.
        where: The file of weights.

    Raises:
        DataError: With a table of old index, new index and name.
    """
    kept = [name for number, name in enumerate(stored) if number in set(labels.numbers)]
    if kept != list(labels.names) or labels.numbers[-1] >= len(stored):
        named = [labels.name(number) for number in range(labels.numbers[-1] + 1)]
        require_same_classes(
            stored, named, where, "the file of classes", "leave the file out: the weights name their classes"
        )
