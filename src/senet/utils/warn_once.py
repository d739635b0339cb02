"""What the library warns of while something runs: each message once, few of each kind."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHOWN = 5  # of each kind
logger = logging.getLogger("senet")


@contextmanager
def warn_once(say: Callable[[str], object]) -> Iterator[None]:
    """Say what the package's logger warns of: the first of each kind, and at the end how many more there were.

    Args:
        say: Is given each message.
    """
    handler = _WarnOnceHandler(say)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.end()


class _WarnOnceHandler(logging.Handler):
    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self.say = say
        self.kinds: dict[str, set[str]] = defaultdict(set)

    def emit(self, record: logging.LogRecord) -> None:
        seen, message = self.kinds[record.msg], record.getMessage()
        if message not in seen and len(seen) < SHOWN and not getattr(record, "said", False):
            self.say(message)
        seen.add(message)

    def end(self) -> None:
        for kind, seen in self.kinds.items():
            if len(seen) > SHOWN:
                self.say(f"... and {len(seen) - SHOWN:,} more: {kind.partition('%')[0].strip(' :') or 'of this kind'}")
