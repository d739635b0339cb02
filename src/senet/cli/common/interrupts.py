"""What a command that is stopped from outside says: what is kept, and how to go on."""

import contextlib
from collections.abc import Callable, Iterator

DEFAULT_MESSAGE = "stopped: no file is left half written; run the same command again"


class Terminated(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def interrupt_message(said: Callable[[], str]) -> Iterator[None]:
    """Within, a command that is stopped says something else than :data:`NOTHING`.

    Args:
        said: Returns the sentence, empty for :data:`NOTHING`; asked when the command is stopped.
    """
    try:
        yield
    except (KeyboardInterrupt, Terminated) as stop:
        if sentence := said():
            stop.add_note(sentence)
        raise


def interrupt_text(stop: BaseException) -> str:
    """Return the sentence for a command that was stopped."""
    return next(iter(getattr(stop, "__notes__", ())), DEFAULT_MESSAGE)
