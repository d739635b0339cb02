"""Why a run ended early, kept in its folder until it goes on: the report of a run is written however it ends."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from senet.errors import SenetError
from senet.training.signals import StoppedError
from senet.utils.files import write_text

logger = logging.getLogger("senet")
NAME = "failure.json"


@dataclass(frozen=True)
class RunFailure:
    """Why a run ended early.

    Args:
        stopped: Whether it was asked to, and is saved.
        what: What is wrong, or what stopped it.
        where: Where that was found; empty where nobody says.
        do: The next step.
    """

    stopped: bool
    what: str
    where: str
    do: str


@contextlib.contextmanager
def record_failure(folder: Path, resume_line: str) -> Iterator[None]:
    """Write down why what is done meanwhile ends early, and let the error go on.

    Args:
        folder: Of the run.
        resume_line: What to do about what says nothing of that itself.
    """
    try:
        yield
    except BaseException as error:
        _write(folder, _failure(error, resume_line))
        raise


def _failure(error: BaseException, resume_line: str) -> RunFailure:
    if isinstance(error, SenetError):
        return RunFailure(isinstance(error, StoppedError), error.what, error.where, error.do or resume_line)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return RunFailure(False, said, "", resume_line)


def _write(folder: Path, failure: RunFailure) -> None:
    try:
        write_text(folder / NAME, json.dumps(asdict(failure), indent=1) + "\n")
    except SenetError as error:  # the disk may be what is wrong; the run's own error is the one to hear of
        logger.warning("%s could not be written: %s", NAME, error.what)


def clear_failure(folder: Path) -> None:
    """Remove what was written: the run goes on."""
    (folder / NAME).unlink(missing_ok=True)


def read_failure(folder: Path) -> RunFailure | None:
    """Return why the run ended early; None where it did not, or nothing can be read of it."""
    try:
        return RunFailure(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
