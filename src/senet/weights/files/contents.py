"""What a checkpoint holds beside the state dict that is loaded, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from senet.utils.text import counted
from senet.weights.files.pickled.stubs import StubList, StubObject, foreign_name

SHOWN = 5


@dataclass(frozen=True)
class CheckpointContents:
    """What a file holds beside the tensors that were taken.

    Args:
        taken: Key of the state dict that was taken; empty where the file is one itself.
        states: Tensors of each state dict in it.
        averaged: Key of the average, where there is one beside the raw weights.
        raw: Key of the raw weights then.
        whole: Class of the model that was pickled whole, whose tensors were read off.
        passed: Keys that were passed over, with the foreign classes under them.
        unused: Tensors that are no weights: counts of averages and profilers, and what is not the model's.
        completed: Names of statistics that the average lacks and that were taken from the raw weights.
        prefix: That was taken off the names.
    """

    taken: str = ""
    states: tuple[tuple[str, int], ...] = ()
    averaged: str = ""
    raw: str = ""
    whole: str = ""
    passed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, in sentences."""
        lines = []
        if self.averaged and self.taken == self.averaged:
            lines.append(f"the average ({self.averaged}) is loaded; --raw (raw=True) takes {self.raw}")
        elif self.averaged:
            lines.append(f"{self.raw} is loaded, not the average ({self.averaged})")
        if self.completed:
            count = counted(len(self.completed), "statistic")
            lines.append(f"the average has no {self.completed[0]}: {count} of {self.raw} are taken with it")
        if self.whole:
            lines.append(f"the model was saved whole ({self.whole}): its tensors are read, its code is not")
        if self.passed:
            lines.append(f"passed over: {_some(self.passed)}")
        if self.unused:
            lines.append(f"{counted(len(self.unused), 'tensor is', 'tensors are')} no weights: {_some(self.unused)}")
        return tuple(lines)


NO_CONTENTS = CheckpointContents()


def key_name(key: object) -> str:
    """Return a key as it is printed: text, or the type of anything else."""
    return key if isinstance(key, str) else type(key).__name__


def class_note(value: object) -> str:
    """Return the foreign class of a value in brackets; empty for any other."""
    name = foreign_name(value)
    return f" ({name})" if name else ""


def passed_over(entries: Mapping[Any, Any], chosen: str, pair: tuple[str, str]) -> Iterator[str]:
    """Yield the keys of a checkpoint that are not loaded, each with the foreign classes under it.

    Args:
        entries: Of the checkpoint.
        chosen: Key of the state dict that is loaded.
        pair: Keys of the average and of the raw weights.
    """
    for key, value in entries.items():
        if key != chosen and key not in pair and value is not None:
            classes = foreign_names_in(value)
            yield (
                f"{key_name(key)} ({', '.join(classes[:3])}{', ...' * (len(classes) > 3)})"
                if classes
                else key_name(key)
            )


def foreign_names_in(value: object) -> list[str]:
    """Return the foreign names anywhere in a value."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        names |= {foreign_name(one): None} if foreign_name(one) else {}
        waiting += _within(one)
    return list(names)


def _within(value: object) -> Sequence[object]:
    own = [*value.args, value.state] if isinstance(value, StubObject | StubList) else []
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    return [*own, *value] if isinstance(value, list | tuple | set) else own


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
