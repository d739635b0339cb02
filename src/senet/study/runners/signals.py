"""Signals while foreign code runs that may swallow what a handler raises: they are noted, and act at the next look."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NOTED = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def noted() -> Iterator[Callable[[], None]]:
    """Note signals while it is entered.

    Yields:
        A function that lets the first signal that came do what it would have done at once; a second one acts at once.
    """
    if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers
        yield lambda: None
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in NOTED}
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, before[number])

    def act() -> None:
        if came:
            signal.raise_signal(came.pop(0))  # its own handler is back, and whatever it does is done here

    for each in NOTED:
        signal.signal(each, note)
    try:
        yield act
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
