"""What ``senet weights inspect`` prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from senet.cli.common.tables import INDENT, print_line, print_pairs, terminal
from senet.utils.text import counted, printable
from senet.weights.inspect import WeightsInspection

MAX_ITEMS = 10  # items of a list that are shown; --json has all


def print_inspection(found: WeightsInspection) -> None:
    """Print what a file of weights holds, then what it says of itself."""
    console = terminal()
    print_pairs(console, _facts(found))
    if found.about:
        console.print()
        _print_nested(console, found.about, "")


def _facts(found: WeightsInspection) -> Iterator[tuple[str, str]]:
    yield "source", f"{found.source or 'unknown'}: {printable(found.family)}"
    yield "geometry", found.geometry or "not said"
    dtypes = ", ".join(f"{number:,} {kind}" for kind, number in found.dtypes.items())
    yield "tensors", f"{found.tensors:,} ({dtypes})"
    yield "parameters", f"{found.parameters:,}, running statistics included"
    yield "first", _listed(found.names, found.tensors)
    yield "sha256", found.sha256
    if found.states:
        states = (f"{key} ({counted(number, 'tensor')})" for key, number in found.states.items())
        yield "holds", printable(", ".join(states))
    for line in found.notes:
        yield "note", printable(line)


def _print_nested(console: Console, values: Mapping[str, Any], indent: str) -> None:
    """Print what is one line first, then what has lines of its own: tables, and text such as TOML."""
    short = [(printable(key), _shown(value)) for key, value in values.items() if not _has_lines(value)]
    print_pairs(console, short, indent)
    for key, value in ((key, value) for key, value in values.items() if _has_lines(value)):
        print_line(console, f"{indent}{printable(key)}:")
        if isinstance(value, Mapping):
            _print_nested(console, value, indent + INDENT)
        else:
            for line in str(value).strip("\n").split("\n"):
                print_line(console, f"{indent}{INDENT}{printable(line)}".rstrip())


def _has_lines(value: Any) -> bool:
    return bool(value) if isinstance(value, Mapping) else isinstance(value, str) and "\n" in value


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return _listed(value, len(value))
    if isinstance(value, bool | None):
        return {True: "yes", False: "no", None: "none"}[value]
    return printable(value)


def _listed(items: Sequence[Any], total: int) -> str:
    """Return the first items, and how many more there are."""
    first = ", ".join(_shown(item) for item in items[:MAX_ITEMS])
    left = total - min(len(items), MAX_ITEMS)
    return f"{first} and {left:,} more" if left else first
