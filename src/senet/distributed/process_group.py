"""The processes that train one model together: what they add up, what they agree on, which of them writes."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

from torch import Tensor, nn

from senet.data.sampling.rank_share import SINGLE_RANK, Share
from senet.errors import SenetError

T = TypeVar("T")


class ProcessGroup(Protocol):
    """All processes of a run, as one of them sees it. Every rank calls each method the same number of times."""

    @property
    def share(self) -> Share:
        """Which rank this is; rank 0 alone prints and writes."""

    def all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        """Add numbers up over all ranks, in float64; every rank gets the same sums."""

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all ranks, in order."""

    def broadcast_from_rank0(self, make: Callable[[], T]) -> T:
        """Let rank 0 make something and give it to all; the others wait for as long as it works.

        Raises:
            Exception: What rank 0 raised; of the others, one that says nothing more.
        """

    def local_rank0_first(self, make: Callable[[], T]) -> T:
        """Let one rank of every machine make something first, so that the others find what it cached."""

    def with_previous_item(self, batch: Tensor) -> Tensor:
        """Put the item that comes before this rank's slice of the global batch in front of it, in a circle.

        Mixup and cutmix pair neighbours. Where the slice is the whole batch nothing is put in front.
        """

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Return what a training step calls in the model's place: its backward pass averages gradients over ranks."""

    def no_sync(self, network: nn.Module) -> AbstractContextManager[None]:
        """Keep the gradients of what :meth:`wrap_model` returned on this rank until a later backward pass."""

    def broadcast_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with rank 0's."""


class SingleProcess:
    """The one process of a run."""

    share = SINGLE_RANK

    def all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        """Return them."""
        return list(values)

    def all_gather(self, value: T) -> list[T]:
        """Return it."""
        return [value]

    def broadcast_from_rank0(self, make: Callable[[], T]) -> T:
        """Make it."""
        return make()

    def local_rank0_first(self, make: Callable[[], T]) -> T:
        """Make it."""
        return make()

    def with_previous_item(self, batch: Tensor) -> Tensor:
        """Return the batch."""
        return batch

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Return the model."""
        return model

    def no_sync(self, network: nn.Module) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def broadcast_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Do nothing."""


SINGLE_PROCESS = SingleProcess()


class PeerFailedError(SenetError):
    """Another rank has said, or will say, what is wrong; this one ends without a word.

    Args:
        what: What the other rank says.
        rank: Which.
        exit_code: The other rank's.
    """

    def __init__(self, what: str, rank: int, exit_code: int) -> None:
        super().__init__(what)
        self.rank, self.exit_code = rank, exit_code


class RankTimeoutError(SenetError):
    """A rank has not been heard of for too long: it was stopped, or its machine is gone."""


class RankLostError(SenetError):
    """The connection to another rank broke."""
