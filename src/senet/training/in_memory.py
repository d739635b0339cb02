"""train_in_memory(): a run that leaves no files but checkpoints, if any: what a study does many times over."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from senet.data.unused import Unread
from senet.errors import WeightsError
from senet.inference.confusion_matrix import ConfusionMatrix
from senet.inference.score import Score
from senet.training.callbacks import Callback, EpochCallback
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.checkpoint.progress import TrainProgress, stop_message
from senet.training.checkpoint.train_state import TrainState
from senet.training.loop import run_epochs
from senet.training.recipe.recipe import Recipe
from senet.training.setup.freeze import FineTuneConfig
from senet.training.signals import Signals, StoppedError
from senet.training.writer.metrics import EpochRow

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed

EVERY = 30.0  # seconds between two checkpoints at the least; a run that takes less writes none
SHARE = 0.05  # of the time, at the most, that goes to writing them


@dataclass(frozen=True)
class InMemoryResult:
    """What a run leaves in memory beside the model itself, which holds the last weights.

    Args:
        rows: One per epoch.
        best: The first epoch of the highest validation accuracy.
        best_state: The state dict after it, on the CPU (the average, where the recipe has one).
        test: The last weights' score on the test split; the one to report.
        unread: Images that could not be read, by split.
    """

    rows: tuple[EpochRow, ...]
    best: EpochRow
    best_state: dict[str, Tensor]
    test: Score
    unread: Unread = field(default_factory=dict)


@dataclass(frozen=True)
class CheckpointConfig:
    """Where a run in memory saves, so that it may be killed and continued.

    Args:
        manager: Where its checkpoints lie; a folder of its own, which the caller removes when the run is kept.
        identity: Of the run, for whoever opens a checkpoint.
        notice: Is told where a run continues, and of checkpoints that are damaged or cannot be written.
    """

    manager: CheckpointManager
    identity: Mapping[str, Any]
    notice: Callable[[str], None]


class MemoryWriter:
    """Keeps what a run finds; a checkpoint now and then where it may be continued.

    Args:
        watch: Is told what happens.
        signals: That ask the run to save and stop.
        checkpoints: Where they go, if they do; else a run that is begun again begins anew.
    """

    detailed = False  # it takes time, of a trial of which nobody looks at the images

    def __init__(self, watch: Callback, signals: Signals, checkpoints: CheckpointConfig | None = None) -> None:
        self.watch, self.signals, self.checkpoints = watch, signals, checkpoints
        self.due = time.monotonic() + EVERY

    def load_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole; where none is, the run begins anew, and that is said."""
        if (to := self.checkpoints) is None:
            return None
        to.manager.clean()
        try:
            saved = to.manager.load_newest(to.notice)
        except WeightsError as error:
            to.notice(f"{error.what}: it starts over")
            return None
        if saved:
            at = saved.state["position"]
            to.notice(f"continues at epoch {at['epoch']}, step {at['step'] + 1}")
        return saved

    def begin(self, at: TrainProgress, total_steps: int, feed: "Feed") -> None:
        """Tell it."""
        self.watch.begin(total_steps, at.steps)

    def end_step(self, state: TrainState, loss: float | None, images: int, seconds: float) -> None:
        """Tell it, and save if it is time to."""
        self.watch.step(loss, state.progress.lr, images)
        self._save_if_due(state)

    def end_epoch(self, state: TrainState) -> None:
        """Tell it, and save if it is time to."""
        self.watch.epoch(state.progress.rows[-1])
        self._save_if_due(state)

    def _save_if_due(self, state: TrainState) -> None:
        began = time.monotonic()
        if self.checkpoints and began >= self.due:
            self.save(state)
            ended = time.monotonic()
            self.due = ended + max(EVERY, (ended - began) / SHARE)

    def save(self, state: TrainState) -> None:
        """Write a checkpoint; where it fails, say so."""
        if to := self.checkpoints:
            to.manager.try_write(lambda: to.manager.save(state.checkpoint(to.identity), state.progress), to.notice)

    def save_and_stop(self, state: TrainState, number: int) -> Exception:
        """Save after a signal, and return what to raise."""
        self.save(state)
        return StoppedError(stop_message(number, state.progress), do="the same command continues", signal_number=number)

    def saved_test_score(self) -> Score | None:
        """Score it: nothing was kept."""
        return None

    def recording_failure(self) -> AbstractContextManager[None]:
        """Keep nothing: whoever called hears of it."""
        return nullcontext()

    def finish(self, state: TrainState, test: Score, found: ConfusionMatrix | None) -> InMemoryResult:
        """Return it."""
        assert state.progress.best is not None
        return InMemoryResult(tuple(state.progress.rows), state.progress.best, state.best, test, state.unread)


def train_in_memory(
    model: nn.Module,
    feed: "Feed",
    recipe: Recipe,
    seed: int,
    watch: Callback | None = None,
    checkpoints: CheckpointConfig | None = None,
    *,
    fresh: tuple[str, ...] | None = None,
) -> InMemoryResult:
    """Train a model in place as :func:`senet.training.train` does, to the same bytes, and write no results.

    Args:
        model: (B, C, H, W) -> (B, classes), initialised, on the device to train on.
        feed: Yields batches.
        recipe: How to train.
        seed: Of order, augmentation, mixing and in-model randomness.
        watch: Is told what happens.
        checkpoints: Where they go; then a signal saves the run and stops it, and without them it does as it would
            anywhere.
        fresh: What has no trained weights beside the inserted blocks, as of :class:`senet.training.TrainingJob`.

    Raises:
        UsageError: What is called fresh does not fit the network or the recipe.
        DivergedError: Loss or gradient is not finite; names epoch, step, learning rate and samples.
        ResourceError: The memory is full.
        StoppedError: A signal came; the state is saved.
    """
    signals = Signals()
    with signals if checkpoints else nullcontext():
        return run_epochs(
            model,
            feed,
            FineTuneConfig(recipe, fresh),
            seed,
            MemoryWriter(watch or EpochCallback(), signals, checkpoints),
        )
