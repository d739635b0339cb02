"""What the user should know and what does not stop the work: lines on standard error."""

import logging
from contextlib import AbstractContextManager

from rich.console import Console

from senet.cli.common.tables import print_note
from senet.utils.text import printable
from senet.utils.warn_once import warn_once

logger = logging.getLogger("senet")


def note(message: str) -> None:
    """Note something; it is printed where notes are, within :func:`notes_on_stderr`."""
    logger.warning(message)


def print_stderr_note(message: str) -> None:
    """Print one note on standard error; names in it are shown with their control codes spelt out."""
    print_note(Console(stderr=True, highlight=False), f"note: {printable(message)}")


def notes_on_stderr() -> AbstractContextManager[None]:
    """Print notes and what the library warns of; see :func:`senet.utils.warn_once.warn_once`."""
    return warn_once(print_stderr_note)
