"""The ranks of a distributed run as a :class:`~senet.ranks.team.Team`."""

import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from senet.data.ranks import Share
from senet.ranks.together import Together

T = TypeVar("T")


class Ranks:
    """Processes that each hold the model and take a slice of every batch.

    Args:
        together: Exchanges objects.
        accelerator: Accelerate's; wraps models.
    """

    def __init__(self, together: Together, accelerator: Any) -> None:
        self.together, self.accelerator = together, accelerator
        self.share = Share(together.launch.rank, together.launch.ranks)

    def total(self, values: Sequence[float]) -> list[float]:
        """Add up over all ranks."""
        sums = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        dist.all_reduce(sums)
        return sums.tolist()

    def everyone(self, value: T) -> list[T]:
        """Return the values of all ranks."""
        return self.together.everyone(value)

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what rank 0 makes."""
        return self.together.from_first(make)

    def node_by_node(self, make: Callable[[], T]) -> T:
        """Return what each rank makes, after one of its machine."""
        return self.together.node_by_node(make)

    def preceded(self, batch: Tensor) -> Tensor:
        """Put the last item of the rank before in front."""
        last = batch[-1:].contiguous()
        found = [torch.empty_like(last) for _ in range(self.share.ranks)]
        dist.all_gather(found, last)
        return torch.cat([found[self.share.rank - 1], batch])

    def distributed(self, model: nn.Module) -> nn.Module:
        """Wrap a model in DDP. Its buffers, batch norm's statistics among them, follow rank 0's at every step."""
        gc.collect()  # the hooks of a wrapper that was dropped go with it, and it lies in a cycle
        network: nn.Module = self.accelerator.prepare_model(model)
        return network

    def unshared(self, network: nn.Module) -> AbstractContextManager[None]:
        """Keep gradients on this rank."""
        context: AbstractContextManager[None] = self.accelerator.no_sync(network)
        return context

    @torch.no_grad()
    def alike(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with rank 0's."""
        for tensor in tensors:
            whole = tensor.contiguous()
            dist.broadcast(whole, src=0)
            tensor.copy_(whole)
