"""The ranks of a distributed run as a :class:`~senet.distributed.process_group.ProcessGroup`.

What is exchanged before and after the steps waits in the store without a limit, so that nobody's slow start is a
timeout; a heartbeat ends those that would wait for the dead. Steps exchange by collectives.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from senet.data.sampling.rank_share import Share
from senet.distributed.heartbeat import Store
from senet.distributed.launch import Launch
from senet.distributed.process_group import PeerFailedError
from senet.errors import SenetError

T = TypeVar("T")
POLL_INTERVAL = 0.05  # seconds between two looks
REPORT_TIMEOUT = 5.0  # seconds in which a reason is written, on a machine however busy


class AccelerateGroup:
    """Processes that each hold the model and take a slice of every batch.

    Args:
        store: Of the run.
        launch: Which process this is.
        accelerator: Accelerate's; wraps models.
    """

    def __init__(self, store: Store, launch: Launch, accelerator: Any) -> None:
        self.store, self.launch, self.accelerator, self.barriers = store, launch, accelerator, 0
        self.share = Share(launch.rank, launch.ranks)

    def all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        """Add up over all ranks."""
        sums = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        dist.all_reduce(sums)
        return sums.tolist()

    def barrier(self) -> None:
        """Wait for all ranks."""
        self.barriers += 1
        key = f"barrier/{self.barriers}"
        self.store.add(key, 1)
        self._wait(lambda: self.store.add(key, 0) == self.launch.ranks)

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all ranks, in order."""
        self.barrier()
        found: list[T] = [value] * self.launch.ranks
        dist.all_gather_object(found, value)
        return found

    def broadcast_from_rank0(self, make: Callable[[], T]) -> T:
        """Return what rank 0 makes."""
        made: list[Any] = [None]
        if self.launch.rank == 0:
            made[0] = make()  # what it raises ends the run: its own message is told, the others wait for it
        self.barrier()
        dist.broadcast_object_list(made, src=0)
        value: T = made[0]
        return value

    def local_rank0_first(self, make: Callable[[], T]) -> T:
        """Return what each rank makes, after one of its machine has made it."""
        self.barriers += 1
        key = f"made/{self.barriers}/{(self.launch.rank - self.launch.local_rank)}"
        if self.launch.local_rank:
            self._wait(lambda: self.store.check([key]))
            return make()
        value = make()
        self.store.set(key, "")
        return value

    def with_previous_item(self, batch: Tensor) -> Tensor:
        """Put the last item of the rank before in front."""
        last = batch[-1:].contiguous()
        found = [torch.empty_like(last) for _ in range(self.share.ranks)]
        dist.all_gather(found, last)
        return torch.cat([found[self.share.rank - 1], batch])

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Wrap a model in DDP. Its buffers, batch norm's statistics among them, follow rank 0's at every step."""
        gc.collect()  # the hooks of a wrapper that was dropped go with it, and it lies in a cycle
        network: nn.Module = self.accelerator.prepare_model(model)
        return network

    def no_sync(self, network: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Keep gradients on this rank."""
        context: contextlib.AbstractContextManager[None] = self.accelerator.no_sync(network)
        return context

    @torch.no_grad()
    def broadcast_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with rank 0's."""
        for tensor in tensors:
            whole = tensor.contiguous()
            dist.broadcast(whole, src=0)
            tensor.copy_(whole)

    def report_failure(self, error: Exception) -> None:
        """Tell the others why this rank ends.

        Raises:
            PeerFailedError: Another one ended before, and for the same reason.
        """
        code, what = (error.exit_code, error.what) if isinstance(error, SenetError) else (1, repr(error))
        with contextlib.suppress(dist.DistError):  # the store may be what broke
            if self.store.add("failures", 1) == 1:
                self.store.set("failure", f"{self.launch.rank} {code} {what}")
            elif (
                first := self.peer_failure(REPORT_TIMEOUT)
            ) and first.what == what:  # it has counted itself, and writes next
                raise first

    def peer_failure(self, within: float = 0.0) -> PeerFailedError | None:
        """Return why another rank ended, None while all are well; one that is ending has so many seconds to say it."""
        until = time.monotonic() + within
        while not self.store.check(["failure"]):
            if time.monotonic() >= until:
                return None
            time.sleep(POLL_INTERVAL)
        rank, code, what = self.store.get("failure").decode().split(" ", 2)
        return PeerFailedError(what, int(rank), int(code)) if int(rank) != self.launch.rank else None

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done():
            if failure := self.peer_failure():
                raise failure
            time.sleep(POLL_INTERVAL)
