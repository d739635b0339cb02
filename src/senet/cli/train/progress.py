"""Progress of a training run: a line per epoch, and on a terminal a bar for all of it below."""

import logging
import time
from contextlib import ExitStack

from rich.console import Console

from senet.cli.common.progress_bars import make_progress_bars, time_texts
from senet.cli.common.tables import print_note
from senet.training.writer.metrics import EpochRow
from senet.utils.text import printable
from senet.utils.warn_once import warn_once

logger = logging.getLogger("senet")
SMOOTHING = 0.95  # of the images per second that are shown: about the last twenty steps


class ConsoleCallback:
    """Writes to standard error, so that results on standard output can be piped.

    Args:
        epochs: Of the run.
        console: Where; standard error if None.
    """

    def __init__(self, epochs: int, console: Console | None = None) -> None:
        self.warnings = ExitStack()
        self.console = console or Console(stderr=True, highlight=False)
        self.epochs, self.number, self.total, self.steps = epochs, 1, 0, 0
        self.rate, self.loss = 0.0, ""
        self.last = self.begun = time.monotonic()
        self.done_before = 0
        self.bar = make_progress_bars(self.console)
        self.task = self.bar.add_task("", total=None, text=self._bar_text)

    def begin(self, steps: int, done: int) -> None:
        """Say how much there is to do."""
        self.total, self.steps, self.done_before = steps, done, done
        self.number = done * self.epochs // max(steps, 1) + 1
        self.last = self.begun = time.monotonic()
        if self.console.is_terminal:
            self.bar.start()

    def step(self, loss: float | None, lr: float, images: int) -> None:
        """Count a step."""
        now = time.monotonic()
        rate, self.last = images / max(now - self.last, 1e-9), now
        self.rate = SMOOTHING * self.rate + (1 - SMOOTHING) * rate if self.rate else rate
        self.steps += 1
        self.loss = self.loss if loss is None else f"loss {loss:.3f}"
        self._show()

    def epoch(self, row: EpochRow) -> None:
        """Say what an epoch measured."""
        self.number = row.epoch + 1
        scores = f"loss {row.loss:.4f}, validation {row.validation_top1:.2f}% (loss {row.validation_loss:.4f})"
        pace = ", ".join([f"lr {row.lr:.4g}", f"{self.rate:,.0f} images/s", *self._times()])
        print_note(self.console, f"epoch {row.epoch}/{self.epochs}: {scores}, {pace}")
        self._show()
        self.last = time.monotonic()  # measuring is not training

    def notice(self, message: str) -> None:
        """Say it, and log it."""
        logger.warning("%s", message, extra={"said": True})
        self._note(message)

    def _note(self, message: str) -> None:
        print_note(self.console, f"note: {printable(message)}")

    def _show(self) -> None:
        if self.console.is_terminal:
            self.bar.update(self.task, total=self.total, completed=self.steps)

    def _bar_text(self) -> list[str]:
        """Return what the bar says, what matters most first; accuracy stands in the lines above."""
        epoch = f"epoch {min(self.number, self.epochs)}/{self.epochs}"
        return [epoch, *self._times(), *filter(None, [self.loss]), f"{self.rate:,.0f} images/s"]

    def _times(self) -> list[str]:
        """Say how long the run has taken since it began or went on, and will still take, measuring included."""
        taken, done = time.monotonic() - self.begun, self.steps - self.done_before
        left = taken / done * (self.total - self.steps) if done and self.steps < self.total else None
        return time_texts(taken, left)

    def __enter__(self) -> "ConsoleCallback":
        self.warnings.enter_context(warn_once(self._note))
        return self

    def __exit__(self, *error: object) -> None:
        self.warnings.close()
        if self.console.is_terminal:  # elsewhere stopping would print an empty line
            self.bar.stop()
