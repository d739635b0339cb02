"""What `senet doctor` prints; narrow terminals are part of what it is called in."""

import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from senet.cli.doctor.findings import DoctorFinding
from senet.utils.text import printable

WIDEST, INDENT = 100, 7


def finding_lines(found: Iterable[DoctorFinding], width: int | None = None) -> Iterator[str]:
    """Yield the lines of findings: the state, what was found, and below it what to do.

    Args:
        found: In their order.
        width: Of a line; the terminal's if None.
    """
    width = min(width or shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    for one in found:
        yield from _wrapped(f"{one.state:{INDENT}}", f"{one.about}: {one.said}", width)
        if one.do:
            yield from _wrapped(" " * INDENT, f"-> {one.do}", width)


def as_json(found: Iterable[DoctorFinding]) -> str:
    """Return findings as one JSON object."""
    listed = [asdict(one) for one in found]
    return json.dumps({"findings": listed, "faults": sum(one["state"] == "fault" for one in listed)})


def _wrapped(start: str, text: str, width: int) -> list[str]:
    after = " " * INDENT
    return textwrap.wrap(printable(text), width, initial_indent=start, subsequent_indent=after, break_on_hyphens=False)
