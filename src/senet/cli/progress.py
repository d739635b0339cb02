"""Progress of a study: one bar with the time left on a terminal, one line per trial elsewhere."""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from senet.study.summary import TrialResult


class ConsoleProgress:
    """Writes to standard error, so that results on standard output can be piped."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.total = self.finished = 0
        self.start = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.task = self.bar.add_task("trials", total=None)

    def begin(self, total: int, finished: int) -> None:
        """Say how much there is to do."""
        self.total, self.finished = total, finished
        if finished:
            self.console.print(f"{finished} of {total} trials are finished already")
        if self.console.is_terminal:
            self.bar.start()
            self.bar.update(self.task, total=total, completed=finished)

    def trial(self, result: TrialResult) -> None:
        """Count one trial."""
        self.finished += 1
        line = f"{result.variant}, seed {result.seed}: {result.accuracy:.2f}% in {result.seconds:.1f} s"
        if self.console.is_terminal:
            self.bar.update(self.task, advance=1, description=line)
        else:
            elapsed = time.monotonic() - self.start
            self.console.print(Text(f"[{self.finished}/{self.total}, {elapsed:.0f} s] {line}"))

    def __enter__(self) -> "ConsoleProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:  # elsewhere stopping would print an empty line
            self.bar.stop()
