"""Callbacks of a run: what they are told; several as one; one that logs to the trackers of Accelerate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from senet.errors import UsageError, did_you_mean
from senet.training.writer.metrics import EpochRow
from senet.utils.text import flatten

EVERY = 20  # steps between two lines of a tracker


class Callback(Protocol):
    """Is told what happens."""

    def begin(self, steps: int, done: int) -> None:
        """The run has so many steps, of which some were taken before."""

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """A step was taken, or left out where the loss is None."""

    def epoch(self, row: EpochRow) -> None:
        """An epoch ended and was measured."""

    def notice(self, message: str) -> None:
        """Something that the user should know, and that does not stop the run."""


class EpochCallback:
    """Tells a function of epochs, or nobody of anything.

    Args:
        epoch: Is called after each.
    """

    def __init__(self, epoch: Callable[[EpochRow], None] = lambda row: None) -> None:
        self.epoch = epoch

    def begin(self, steps: int, done: int) -> None:
        """Ignore it."""

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Ignore it."""

    def notice(self, message: str) -> None:
        """Ignore it."""


class CallbackList:
    """Tells several callbacks, in order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks

    def begin(self, steps: int, done: int) -> None:
        """Pass it on."""
        for callback in self.callbacks:
            callback.begin(steps, done)

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Pass it on."""
        for callback in self.callbacks:
            callback.step(loss, lr, images)

    def epoch(self, row: EpochRow) -> None:
        """Pass it on."""
        for callback in self.callbacks:
            callback.epoch(row)

    def notice(self, message: str) -> None:
        """Pass it on."""
        for callback in self.callbacks:
            callback.notice(message)


class TrackerCallback:
    """Logs loss, learning rate and scores to trackers of Accelerate: TensorBoard, Weights & Biases and others.

    Args:
        names: As Accelerate calls them.
        folder: Of the run; trackers that write files write below it.
        settings: Of the run, JSON-ready.

    Raises:
        UsageError: An unknown tracker, or one whose package is not installed.
    """

    def __init__(self, names: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        from accelerate import Accelerator

        _require_installed(names)
        self.accelerator = Accelerator(log_with=list(names), project_dir=folder / "trackers")
        self.accelerator.init_trackers("senet", config=_scalars(settings))
        self.steps = 0

    def begin(self, steps: int, done: int) -> None:
        """Go on from where the run stands."""
        self.steps = done

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Log every so many steps."""
        self.steps += 1
        if loss is not None and self.steps % EVERY == 0:
            self._log({"loss": loss, "lr": lr})

    def epoch(self, row: EpochRow) -> None:
        """Log the epoch's scores."""
        self._log({name: value for name, value in asdict(row).items() if isinstance(value, int | float)})

    def notice(self, message: str) -> None:
        """Trackers take numbers."""

    def finish(self) -> None:
        """Let the trackers write what they hold."""
        for tracker in self.accelerator.trackers:  # end_training() would leave the other ranks too
            tracker.finish()

    def _log(self, values: Mapping[str, float]) -> None:
        self.accelerator.log(dict(values), step=self.steps)


def _require_installed(names: Sequence[str]) -> None:
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            raise UsageError(f"no tracker is called {name!r}", do=did_you_mean(name, map(str, LOGGER_TYPE_TO_CLASS)))
        if name not in map(str, get_available_trackers()):
            raise UsageError(f"the tracker {name} is not installed", do=f"pip install {name}")


def _scalars(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, int | float | str) else str(v) for k, v in flatten(settings, "").items()}
