"""The class map: names in the order of the labels; it comes from train/ or from the weights, from nowhere else."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from textwrap import shorten

from senet.errors import DataError, did_you_mean
from senet.utils.text import printable

MANY = 20  # rows of a table in an error
LONG = 400  # characters of a list in an error


def caseless(name: str) -> str:
    """Return what a file system may take for the same name: composed, caseless Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def name_collisions(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of names that differ in case or Unicode form alone."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[caseless(name)].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def class_map(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the names of training images' classes as a class map, in their order.

    Raises:
        DataError: Fewer than two, or two that differ in case or Unicode form alone.
    """
    classes = tuple(names)
    if len(classes) < 2:
        raise DataError(f"{len(classes)} class folders; a classifier needs two", where=where)
    for group in name_collisions(classes):
        raise DataError(
            f"{', '.join(map(ascii, group))} differ in case or Unicode form alone",
            where=where,
            do="merge or rename the folders",
        )
    return classes


def require_known_classes(found: Sequence[str], classes: Sequence[str], where: str, why: str, do: str) -> None:
    """Refuse classes that the class map does not have.

    Args:
        found: Names of the data's classes.
        classes: The class map.
        where: The data, for the message.
        why: What makes them unknown.
        do: The next step.

    Raises:
        DataError: Names all of them.
    """
    known = set(classes)
    if unknown := [name for name in found if name not in known]:
        names = ", ".join(repr(printable(name)) for name in unknown[:MANY])
        raise DataError(
            f"{len(unknown)} of {len(found)} classes are unknown, {names}: {why}",
            where=where,
            do=f"{do}; {shorten(did_you_mean(unknown[0], classes), LONG, placeholder=' ...')}",
        )


def require_same_classes(
    stored: Sequence[str],
    found: Sequence[str],
    where: str,
    source: str = "the data",
    do: str = "give the data folders the names that the weights were trained with",
) -> None:
    """Refuse data whose classes have other numbers than the ones that weights were trained with.

    Args:
        stored: The class map that travels with the weights.
        found: The class map of the data, or of whatever ``source`` says.
        where: The file that holds the stored one.
        source: Of the other one, for the message.
        do: The next step.

    Raises:
        DataError: With a table of old index, new index and name.
    """
    if tuple(stored) == tuple(found):
        return
    old, new = ({name: i for i, name in enumerate(names)} for names in (stored, found))
    names = [name for name in dict.fromkeys((*stored, *found)) if old.get(name) != new.get(name)]
    rows = [f"  {_index(old, name):>5} -> {_index(new, name):<5} {printable(name)}" for name in names[:MANY]]
    rows += [f"  and {len(names) - MANY} more"] if len(names) > MANY else []
    table = "\n".join(rows)
    raise DataError(
        f"{len(names)} classes have another number in {source} than in the weights, old -> new:\n{table}",
        where=where,
        do=do,
    )


def _index(numbers: dict[str, int], name: str) -> str:
    return str(numbers.get(name, "none"))


def from_json(said: object, where: str = "") -> tuple[str, ...]:
    """Read a class map that was stored as a JSON list.

    Raises:
        DataError: It is no list of different names.
    """
    if not isinstance(said, list | tuple) or not said or not all(isinstance(name, str) for name in said):
        raise DataError("the class map is not a list of names", where=where)
    if len(set(said)) < len(said):
        raise DataError("the class map has a name twice", where=where)
    return tuple(said)
