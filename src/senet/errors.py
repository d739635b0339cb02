"""Errors a user can act on: what is wrong, where it is, what to do, and the exit code of the command."""

import difflib
from collections.abc import Iterable


class SenetError(Exception):
    """Base of every error that is the user's to mend.

    Args:
        what: What is wrong, with the offending value.
        where: The file, key, module or sample it was found in.
        do: The next step.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        super().__init__(what, where, do)
        self.what, self.where, self.do = what, where, do

    def __str__(self) -> str:
        return "\n".join(line for line in (self.what, self.where, self.do) if line)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries; the default would drop the keyword arguments.
        return _rebuild, (type(self), self.what, self.where, self.do)


def _rebuild(kind: type[SenetError], what: str, where: str, do: str) -> SenetError:
    return kind(what, where=where, do=do)


class UsageError(SenetError, ValueError):
    """A name, argument or combination that cannot work."""

    exit_code = 2


class DataError(SenetError):
    """A data set that is missing, unreadable or not what it says."""

    exit_code = 3


class WeightsError(SenetError):
    """Weights or a checkpoint that do not fit."""

    exit_code = 4


class DivergedError(SenetError):
    """Training left the finite numbers."""

    exit_code = 5


class ResourceError(SenetError):
    """Disk, memory or permissions ran out."""

    exit_code = 6


MOST_LISTED = 100


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which of the known names the user may have meant, or list them when none is near, a hundred at the most."""
    known = sorted(known)
    lower = {candidate.lower(): candidate for candidate in known}
    close = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    more = f" and {len(known) - MOST_LISTED:,} more" if len(known) > MOST_LISTED else ""
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known[:MOST_LISTED])}{more}"
