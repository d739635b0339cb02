"""What the user should know and what does not stop the work: lines on standard error."""

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from senet.text import plain

SHOWN = 5  # of each kind
logger = logging.getLogger("senet")


def note(message: str) -> None:
    """Note something; it is printed where notes are, within :func:`noting`."""
    logger.warning(message)


def tell(message: str) -> None:
    """Print one note on standard error; names in it are shown with their control codes spelt out."""
    print(f"note: {plain(message)}", file=sys.stderr)


@contextmanager
def noting() -> Iterator[None]:
    """Print notes and what the library warns of: the first of each kind, and at the end how many more there were."""
    handler = _Notes(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


class _Notes(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.kinds: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.kinds[record.msg] += 1
        if self.kinds[record.msg] <= SHOWN:
            tell(record.getMessage())

    def close(self) -> None:
        for kind, count in self.kinds.items():
            if count > SHOWN:
                tell(f"... and {count - SHOWN:,} more: {kind.partition('%')[0].strip(' :') or 'of this kind'}")
        self.kinds.clear()
        super().close()
