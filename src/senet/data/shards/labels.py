"""From what shards say of a sample to the number of its class."""

from collections.abc import Iterable, Sequence

from senet.data.classes import class_map, require_known
from senet.data.shards.members import Label
from senet.errors import DataError


def class_names(labels: Iterable[Label], where: str) -> tuple[str, ...]:
    """Return the class map of training labels: names sorted by code point, or 0 to K - 1.

    Raises:
        DataError: Names and numbers are mixed, or numbers are left out.
    """
    distinct = set(labels)
    names = {label for label in distinct if isinstance(label, str)}
    if not names:
        return _counted({label for label in distinct if isinstance(label, int)}, where)
    if len(names) < len(distinct):
        raise DataError("some labels are numbers and some are names", where=where, do="write them all in one way")
    return class_map(names, where)


def _counted(numbers: set[int], where: str) -> tuple[str, ...]:
    if numbers != set(range(len(numbers))) or len(numbers) < 2:
        raise DataError(
            f"{len(numbers)} class numbers from {min(numbers, default=0)} to {max(numbers, default=0)}: "
            "they must be 0 to K - 1, each in train, and two at least",
            where=where,
            do="number the classes without gaps",
        )
    return tuple(map(str, range(len(numbers))))


def numbered(labels: Sequence[Label], classes: Sequence[str], where: str) -> list[int]:
    """Return class numbers.

    Raises:
        DataError: A label that the class map does not have.
    """
    by_label: dict[Label, int] = {name: number for number, name in enumerate(classes)}
    by_label |= {number: number for number in range(len(classes))}
    unknown = sorted({str(label) for label in labels if label not in by_label})
    require_known([*unknown, *classes] if unknown else [], classes, where)
    return [by_label[label] for label in labels]
