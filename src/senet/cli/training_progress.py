"""Progress of a training run: one bar for all of it on a terminal, a line per epoch elsewhere."""

import datetime
import logging
import time
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from senet.text import plain
from senet.training.records import Row
from senet.warned import warned

logger = logging.getLogger("senet")
SMOOTHING = 0.95  # of the images per second that are shown: about the last twenty steps


class ConsoleWatcher:
    """Writes to standard error, so that results on standard output can be piped.

    Args:
        epochs: Of the run.
        console: Where; standard error if None.
    """

    def __init__(self, epochs: int, console: Console | None = None) -> None:
        self.warnings = ExitStack()
        self.console = console or Console(stderr=True, highlight=False)
        self.epochs, self.number, self.total, self.steps = epochs, 1, 0, 0
        self.rate, self.loss, self.accuracy = 0.0, "", ""
        self.last = self.begun = time.monotonic()
        self.done_before = 0
        said, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}")
        self.bar = Progress(said, BarColumn(bar_width=None), left, console=self.console, expand=True)
        self.task = self.bar.add_task("", total=None, left="")

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
        self.loss = self.loss if loss is None else f"loss {loss:.3f}  "
        self._show()

    def epoch(self, row: Row) -> None:
        """Say what an epoch measured."""
        self.accuracy = f"val {row.validation_top1:.2f}%  "
        self.number = row.epoch + 1
        self._show()
        if not self.console.is_terminal:
            scores = f"loss {row.loss:.4f}, validation {row.validation_top1:.2f}% (loss {row.validation_loss:.4f})"
            pace = f"lr {row.lr:.4g}, {self.rate:,.0f} images/s, {self._left()}"
            self._print(f"epoch {row.epoch}/{self.epochs}: {scores}, {pace}")
        self.last = time.monotonic()  # measuring is not training

    def notice(self, message: str) -> None:
        """Say it, and log it."""
        logger.warning("%s", message, extra={"said": True})
        self._note(message)

    def _note(self, message: str) -> None:
        self._print(f"note: {plain(message)}")

    def _show(self) -> None:
        if self.console.is_terminal:
            epoch = f"epoch {min(self.number, self.epochs)}/{self.epochs}"
            said = f"{epoch}  {self.loss}{self.accuracy}{self.rate:,.0f} images/s"
            self.bar.update(self.task, total=self.total, completed=self.steps, description=said, left=self._left())

    def _left(self) -> str:
        """Say how long the whole run will still take, measuring included."""
        taken = self.steps - self.done_before
        if not taken:
            return ""
        seconds = (time.monotonic() - self.begun) / taken * (self.total - self.steps)
        return f"{datetime.timedelta(seconds=round(seconds))} left"

    def _print(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)

    def __enter__(self) -> "ConsoleWatcher":
        self.warnings.enter_context(warned(self._note))
        return self

    def __exit__(self, *error: object) -> None:
        self.warnings.close()
        if self.console.is_terminal:  # elsewhere stopping would print an empty line
            self.bar.stop()
