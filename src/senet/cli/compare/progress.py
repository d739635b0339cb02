"""Progress of a study: on a terminal a line per running trial and the time left, elsewhere a line per trial."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import TaskID

from senet.cli.common.progress_bars import make_progress_bars, time_texts
from senet.cli.common.tables import print_note
from senet.study.plan import Trial
from senet.study.report.words import seconds_text
from senet.study.runners.runner import TrialProgress
from senet.study.summary import TrialResult
from senet.study.trials.result_files import TrialFailure
from senet.utils.text import counted, printable


class ConsoleStudyProgress:
    """Writes to standard error, so that results on standard output can be piped."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.total = self.begun_with = self.ended = 0
        self.start, self.first = time.monotonic(), 0.0
        self.bar = make_progress_bars(self.console)
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
            self.study = self.bar.add_task("", total=total, completed=finished, text=self._bar_text)

    def trial(self, result: TrialResult) -> None:
        """Count one trial."""
        self.parts.pop(result.key, None)
        self._ended(f"{result.variant}, seed {result.seed}: {result.accuracy:.2f}% in {seconds_text(result.seconds)}")

    def failed(self, trial: Trial, failure: TrialFailure) -> None:
        """Count one trial that gave no score."""
        self.parts.pop(trial.key, None)
        self._ended(f"{trial.variant}, seed {trial.seed}: {failure.kind}: {failure.reason}")

    def notice(self, message: str) -> None:
        """Print it above the lines."""
        print_note(self.console, f"note: {printable(message)}")

    def running(self, progress: Sequence[tuple[Trial, TrialProgress]]) -> None:
        """Draw a line for each."""
        if progress and not self.first:
            self.first = time.monotonic()  # what processes take to start says nothing of what is left
        self.parts = {trial.key: done.epoch / done.epochs for trial, done in progress}
        if self.study is None:
            return
        self.bar.update(self.study, completed=self._done())
        now = {trial.key: (trial, done) for trial, done in progress}
        for key in self.lines.keys() - now.keys():
            self.bar.remove_task(self.lines.pop(key))
        for key, (trial, done) in now.items():
            if key not in self.lines:
                self.lines[key] = self.bar.add_task("", total=done.epochs, text=list)
            score = [] if done.validation is None else [f"{done.validation:.1f}%"]
            line = [f"  epoch {done.epoch}/{done.epochs}", f"{printable(trial.variant)}, seed {trial.seed}", *score]
            self.bar.update(self.lines[key], completed=done.epoch, text=lambda line=line: line)

    def collecting_gates(self, done: int, total: int) -> None:
        """Draw a line, or say once what is done."""
        if not self.console.is_terminal:
            if not done:
                self.console.print(f"recording the gates of {counted(total, 'trial')}")
            return
        if self.gates is None:
            self.gates = self.bar.add_task("", total=total, text=list)
        text = [f"gates of {done}/{counted(total, 'trial')}"]
        self.bar.update(self.gates, completed=done, text=lambda: text)

    def _ended(self, said: str) -> None:
        self.ended += 1
        if self.study is not None:
            self.bar.update(self.study, completed=self._done())
            print_note(self.console, printable(said))
            return
        left = f"about {seconds_text(self._left() or 0)} left"
        line = f"[{self.begun_with + self.ended}/{self.total}, {left}] {printable(said)}"
        print_note(self.console, line)

    def _done(self) -> float:
        """Return the trials that are done; those that are running count by their epochs."""
        return self.begun_with + self.ended + sum(self.parts.values())

    def _bar_text(self) -> list[str]:
        done = self.begun_with + self.ended
        left = self._left() if done < self.total else None
        return [f"{done}/{counted(self.total, 'trial')}", *time_texts(time.monotonic() - self.start, left)]

    def _left(self) -> float | None:
        """Return the seconds until the last trial ends, None before anything is done."""
        done = self._done() - self.begun_with
        elapsed = time.monotonic() - (self.first or self.start)
        return elapsed / done * (self.total - self.begun_with - done) if done else None

    def __enter__(self) -> "ConsoleStudyProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:  # elsewhere stopping would print an empty line
            self.bar.stop()
