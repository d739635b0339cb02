"""What a command says when SIGINT or SIGTERM stops it: what is kept, and how to go on."""

import contextlib
from collections.abc import Callable, Iterator

DEFAULT_MESSAGE = "stopped: no file is left half written; run the same command again"


class Terminated(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def interrupt_message(message: Callable[[], str]) -> Iterator[None]:
    """Within, a command that is stopped says something else than :data:`DEFAULT_MESSAGE`.

    Args:
        message: Returns the sentence, empty for :data:`DEFAULT_MESSAGE`; asked when the command is stopped.
    """
    try:
        yield
    except (KeyboardInterrupt, Terminated) as stop:
        if sentence := message():
            stop.add_note(sentence)
        raise


def interrupt_text(stop: BaseException) -> str:
    """Return the sentence for a command that was stopped."""
    return next(iter(getattr(stop, "__notes__", ())), DEFAULT_MESSAGE)
