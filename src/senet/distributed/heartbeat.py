"""A sign of life from every rank, so that one that hangs is named in seconds, not after torch's half hour."""

import threading
from collections.abc import Callable
from typing import Protocol

INTERVAL = 2.0  # seconds
MISSED_BEATS = 8  # intervals
LAUNCHER_GONE = "the launcher or the rendezvous host is gone"


class Store(Protocol):
    """What torch.distributed's stores have: numbers and bytes by name, for all ranks."""

    def add(self, key: str, amount: int) -> int:
        """Add to a number, which starts as 0, and return the sum."""

    def set(self, key: str, value: str) -> None:
        """Set a value."""

    def get(self, key: str) -> bytes:
        """Return a value, waiting until it is set."""

    def check(self, keys: list[str]) -> bool:
        """Return whether all of them are set."""


class Heartbeat:
    """A thread that counts in the store, and watches that the rank before this one does; while it is entered.

    Time is counted in intervals of this thread's own, so that a machine that slept, or a debugger that held all
    ranks, is no reason to stop.

    Args:
        store: A connection of its own: one that waits would hold the other up.
        rank: Of this process.
        ranks: In all.
        on_timeout: Called once, from the thread, with what is wrong; ends the process.
        interval: Seconds.
    """

    def __init__(
        self, store: Store, rank: int, ranks: int, on_timeout: Callable[[str], None], interval: float = INTERVAL
    ) -> None:
        self.store, self.rank, self.watched, self.on_timeout = store, rank, (rank - 1) % ranks, on_timeout
        self.interval, self.over = interval, threading.Event()
        self.thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join(2 * self.interval)

    def _run(self) -> None:
        last, silent = -1, 0
        while not self.over.wait(self.interval):
            try:
                self.store.add(f"beat/{self.rank}", 1)
                beat = self.store.add(f"beat/{self.watched}", 0)
            except RuntimeError:  # whoever kept the store died
                beat = None
            if self.over.is_set():
                return
            silent = silent + 1 if beat == last else 0
            last = last if beat is None else beat
            if beat is None or silent >= MISSED_BEATS:
                self.on_timeout(self._message(beat))
                return

    def _message(self, beat: int | None) -> str:
        if beat is None:
            return LAUNCHER_GONE
        who = self.store.get(f"who/{self.watched}").decode() if self.store.check([f"who/{self.watched}"]) else "?"
        return f"no heartbeat of rank {self.watched} ({who}) for {MISSED_BEATS * self.interval:.0f} seconds"
