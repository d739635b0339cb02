"""What a rank that writes nothing has in place of the run's folder."""

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from senet.training.checkpoint import Checkpoint
from senet.training.evaluation import Score
from senet.training.job import Silent, Trained, Watcher
from senet.training.learner import Learner
from senet.training.position import Position

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed

State = dict[str, Tensor]


class Written(Protocol):
    """Where a run leaves what it finds; see :class:`senet.training.outputs.Outputs`."""

    watch: Watcher

    def saved(self) -> Checkpoint | None:
        """Return what to continue from."""

    def begin(self, at: Position, total_steps: int, feed: "Feed") -> None:
        """Write what the run is."""

    def stepped(self, at: Position, loss: float | None, images: int, seconds: float) -> None:
        """Note a step."""

    def closed(self, learner: Learner, at: Position, best: State) -> None:
        """Note an epoch."""

    def save(self, learner: Learner, at: Position, best: State) -> None:
        """Write a checkpoint."""

    def stopped(self, learner: Learner, at: Position, best: State, number: int) -> Exception:
        """Save after a signal."""

    def tested(self) -> Score | None:
        """Return the test score of a run that was complete before."""

    def finish(self, learner: Learner, at: Position, best: State, test: Score) -> Trained:
        """Write the weights and the result."""


class Elsewhere:
    """Rank 0 writes.

    What is returned comes from it: :meth:`senet.training.team.Team.from_first` asks rank 0 alone, so that the methods
    which return something are never reached here.
    """

    def __init__(self) -> None:
        self.watch: Watcher = Silent()

    def saved(self) -> Checkpoint | None:
        """Leave it to rank 0."""
        raise NotImplementedError  # from_first asks rank 0 alone

    def begin(self, at: Position, total_steps: int, feed: "Feed") -> None:
        """Leave it to rank 0."""

    def stepped(self, at: Position, loss: float | None, images: int, seconds: float) -> None:
        """Leave it to rank 0."""

    def closed(self, learner: Learner, at: Position, best: State) -> None:
        """Leave it to rank 0."""

    def save(self, learner: Learner, at: Position, best: State) -> None:
        """Leave it to rank 0."""

    def stopped(self, learner: Learner, at: Position, best: State, number: int) -> Exception:
        """Leave it to rank 0."""
        raise NotImplementedError  # from_first asks rank 0 alone

    def tested(self) -> Score | None:
        """Leave it to rank 0."""
        raise NotImplementedError  # from_first asks rank 0 alone

    def finish(self, learner: Learner, at: Position, best: State, test: Score) -> Trained:
        """Leave it to rank 0."""
        raise NotImplementedError  # from_first asks rank 0 alone
