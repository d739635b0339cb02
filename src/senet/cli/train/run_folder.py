"""Which folder `senet train` takes where no --out names one: a run that finished is not in the way of the next."""

import re
from pathlib import Path

from senet.cli.common.arguments import require_no_file
from senet.training.checkpoint.resume import is_finished

STUDY_FILE = "study.json"


def run_folder(out: Path | None, usual: Path, resume: bool) -> tuple[Path, str]:
    """Return a run's folder, and why it is not the usual one, in a line; empty where it is.

    Args:
        out: As the user names it; it is taken as it is.
        usual: Where nobody names one: it, or the same with ``-2``, ``-3`` and so on.
        resume: Whether the newest is to go on, finished or not.

    Raises:
        UsageError: The folder holds a study.
    """
    folder, why = (out, "") if out else (_newest(usual) if resume else _next(usual))
    require_no_file(folder, STUDY_FILE, "a study")
    return folder, why


def _newest(usual: Path) -> tuple[Path, str]:
    number = max((n for n in _taken(usual) if not (_numbered(usual, n) / STUDY_FILE).exists()), default=1)
    folder = _numbered(usual, number)
    return folder, f"--resume takes {folder}, the newest run of its name" if number > 1 else ""


def _next(usual: Path) -> tuple[Path, str]:
    """Return the newest where it is not finished, which then asks for --resume, else the one that follows."""
    number = max(_taken(usual), default=1)
    newest, following = _numbered(usual, number), _numbered(usual, number + 1)
    if (newest / STUDY_FILE).exists():
        return following, f"the run goes to {following}, since {newest} holds a study"
    if is_finished(newest):
        return following, f"the run goes to {following}, since {newest} holds a run that finished"
    return newest, f"the run goes to {newest}" if number > 1 else ""


def _taken(usual: Path) -> list[int]:
    """Return the numbers of the folders that are there."""
    if not usual.parent.is_dir():
        return []
    found = (re.fullmatch(rf"{re.escape(usual.name)}(?:-([2-9]|[1-9]\d+))?", p.name) for p in usual.parent.iterdir())
    return [int(match[1] or 1) for match in found if match]


def _numbered(usual: Path, number: int) -> Path:
    return usual if number == 1 else usual.with_name(f"{usual.name}-{number}")
