"""Who keeps what a run finds: in a folder (folder_writer.py) or in memory (in_memory.py); other ranks in memory."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from senet.inference.confusion_matrix import ConfusionMatrix
from senet.inference.score import Score
from senet.training.callbacks import Callback
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.checkpoint.progress import TrainProgress
from senet.training.checkpoint.train_state import TrainState
from senet.training.signals import Signals

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed

T_co = TypeVar("T_co", covariant=True)


class Writer(Protocol[T_co]):
    """Keeps what a run finds, and ends it with a result of its own kind.

    What is returned is rank 0's (:meth:`senet.distributed.process_group.ProcessGroup.broadcast_from_rank0`).

    Args:
        watch: Is told what happens.
        signals: That ask the run to stop after a step.
        detailed: Whether it keeps what the test images are taken for.
    """

    watch: Callback
    signals: Signals
    detailed: bool

    def load_checkpoint(self) -> Checkpoint | None:
        """Return what to continue from."""

    def begin(self, at: TrainProgress, total_steps: int, feed: "Feed") -> None:
        """Write what the run is."""

    def end_step(self, state: TrainState, loss: float | None, images: int, seconds: float) -> None:
        """Note a step."""

    def end_epoch(self, state: TrainState) -> None:
        """Note an epoch."""

    def save_and_stop(self, state: TrainState, number: int) -> Exception:
        """Save after a signal, and return what to raise."""

    def saved_test_score(self) -> Score | None:
        """Return the test score of a run that was complete before."""

    def recording_failure(self) -> AbstractContextManager[None]:
        """Return what is entered while the run goes on, and keeps why it ended early."""

    def finish(self, state: TrainState, test: Score, found: ConfusionMatrix | None) -> T_co:
        """Keep the weights and the result; what the test images are taken for is None where it was not noted now."""
