"""Progress of a study: on a terminal a line per running trial and the time left, elsewhere a line per trial."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from senet.study.outcome import Failure
from senet.study.plan import Trial
from senet.study.runners.runner import Pace
from senet.study.summary import TrialResult
from senet.study.words import seconds_text
from senet.text import counted, plain


class ConsoleProgress:
    """Writes to standard error, so that results on standard output can be piped."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.total = self.begun_with = self.ended = 0
        self.start = time.monotonic()
        said = TextColumn("{task.description}", markup=False)
        count = TextColumn("{task.completed:.0f}/{task.total:.0f}")
        times = TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
        self.bar = Progress(said, BarColumn(), count, *times, console=self.console)
        self.study: TaskID | None = None
        self.gates: TaskID | None = None
        self.lines: dict[str, TaskID] = {}
        self.parts: dict[str, float] = {}  # of a running trial, how much of it is done

    def begin(self, total: int, finished: int) -> None:
        """Say how much there is to do."""
        self.total, self.begun_with, self.start = total, finished, time.monotonic()
        if finished:
            self.console.print(f"{finished} of {total} trials are finished already")
        if self.console.is_terminal:
            self.bar.start()
            self.study = self.bar.add_task("study, trials", total=total, completed=finished)

    def trial(self, result: TrialResult) -> None:
        """Count one trial."""
        self.parts.pop(result.key, None)
        self._ended(f"{result.variant}, seed {result.seed}: {result.accuracy:.2f}% in {seconds_text(result.seconds)}")

    def failed(self, trial: Trial, failure: Failure) -> None:
        """Count one trial that gave no score."""
        self.parts.pop(trial.key, None)
        self._ended(f"{trial.variant}, seed {trial.seed}: {failure.kind}: {failure.reason}")

    def notice(self, message: str) -> None:
        """Print it above the lines."""
        self.console.print(Text(f"note: {plain(message)}"), soft_wrap=True)

    def running(self, paces: Sequence[tuple[Trial, Pace]]) -> None:
        """Draw a line for each."""
        self.parts = {trial.key: pace.epoch / pace.epochs for trial, pace in paces}
        if not self.console.is_terminal:
            return
        now = {trial.key: (trial, pace) for trial, pace in paces}
        for key in self.lines.keys() - now.keys():
            self.bar.remove_task(self.lines.pop(key))
        for key, (trial, pace) in now.items():
            if key not in self.lines:
                self.lines[key] = self.bar.add_task("", total=pace.epochs)
            score = "" if pace.validation is None else f", {pace.validation:.1f}%"
            line = f"  {plain(trial.variant)}, seed {trial.seed}{score}, epoch"
            self.bar.update(self.lines[key], completed=pace.epoch, description=line)

    def looking(self, done: int, total: int) -> None:
        """Draw a line, or say once what is done."""
        if not self.console.is_terminal:
            if not done:
                self.console.print(f"looking at the gates of {counted(total, 'trial')}")
            return
        if self.gates is None:
            self.gates = self.bar.add_task("gates, trials", total=total)
        self.bar.update(self.gates, completed=done)

    def _ended(self, said: str) -> None:
        self.ended += 1
        done = self.begun_with + self.ended
        if self.study is not None:
            self.bar.update(self.study, completed=done)
            self.console.print(Text(plain(said)))
            return
        left = self._left(time.monotonic() - self.start)
        self.console.print(Text(f"[{done}/{self.total}, {seconds_text(left)} left] {plain(said)}"))

    def _left(self, elapsed: float) -> float:
        """Return the seconds until the last trial ends; those that run side by side are partly done."""
        done = self.ended + sum(self.parts.values())
        return elapsed / done * (self.total - self.begun_with - done)

    def __enter__(self) -> "ConsoleProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:  # elsewhere stopping would print an empty line
            self.bar.stop()
