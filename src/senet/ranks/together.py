"""What is exchanged before and after the steps: through the store, so that nobody's slow start is a timeout."""

import contextlib
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch.distributed as dist

from senet.errors import SenetError
from senet.ranks.failures import ToldError
from senet.ranks.heartbeat import Store
from senet.ranks.launch import Launch

T = TypeVar("T")
PATIENCE = 0.05  # seconds between two looks
WRITTEN = 5.0  # seconds in which a reason is written, on a machine however busy


class Together:
    """Meetings of all ranks that wait without a limit; a heartbeat ends those that would wait for the dead.

    Args:
        store: Of the run.
        launch: Which process this is.
    """

    def __init__(self, store: Store, launch: Launch) -> None:
        self.store, self.launch, self.meetings = store, launch, 0

    def meet(self) -> None:
        """Wait for all ranks."""
        self.meetings += 1
        key = f"meeting/{self.meetings}"
        self.store.add(key, 1)
        self._wait(lambda: self.store.add(key, 0) == self.launch.ranks)

    def everyone(self, value: T) -> list[T]:
        """Return the values of all ranks, in order."""
        self.meet()
        found: list[T] = [value] * self.launch.ranks
        dist.all_gather_object(found, value)
        return found

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what rank 0 makes."""
        made: list[T] = []
        if self.launch.rank == 0:
            made.append(make())  # what it raises ends the run: its own message is told, the others wait for it
        self.meet()
        sent: list[Any] = [made[0] if made else None]
        dist.broadcast_object_list(sent, src=0)
        return made[0] if made else cast(T, sent[0])

    def node_by_node(self, make: Callable[[], T]) -> T:
        """Return what each rank makes, after one of its machine has made it."""
        self.meetings += 1
        key = f"made/{self.meetings}/{(self.launch.rank - self.launch.local_rank)}"
        if self.launch.local_rank:
            self._wait(lambda: self.store.check([key]))
            return make()
        value = make()
        self.store.set(key, "")
        return value

    def failed(self, error: Exception) -> None:
        """Tell the others why this rank ends.

        Raises:
            ToldError: Another one ended before, and for the same reason.
        """
        code, what = (error.exit_code, error.what) if isinstance(error, SenetError) else (1, repr(error))
        with contextlib.suppress(dist.DistError):  # the store may be what broke
            if self.store.add("failures", 1) == 1:
                self.store.set("failure", f"{self.launch.rank} {code} {what}")
            elif (first := self._first_failure()) and first.what == what:
                raise first

    def _first_failure(self) -> ToldError | None:
        """Return what the rank that failed first says; it has counted itself, and writes its reason next."""
        until = time.monotonic() + WRITTEN
        while not self.store.check(["failure"]) and time.monotonic() < until:
            time.sleep(PATIENCE)
        return self.failure()

    def failure(self) -> ToldError | None:
        """Return why another rank ended, None while all are well."""
        if not self.store.check(["failure"]):
            return None
        rank, code, what = self.store.get("failure").decode().split(" ", 2)
        return ToldError(what, int(rank), int(code)) if int(rank) != self.launch.rank else None

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done():
            if failure := self.failure():
                raise failure
            time.sleep(PATIENCE)
