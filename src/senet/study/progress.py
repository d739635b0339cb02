"""What happens while a study runs: failures are kept, the report is renewed, the progress display is told."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from senet.study.plan import Trial
from senet.study.runners.runner import TrialProgress
from senet.study.summary import TrialResult
from senet.study.trials.result_files import TrialFailure, write_failure

RENEW_SECONDS = 20.0  # seconds between two partial reports; drawing one takes a part of a core's second


class StudyProgress(Protocol):
    """Is told what happens."""

    def begin(self, total: int, finished: int) -> None:
        """The study has so many trials, of which some were finished before."""

    def trial(self, result: TrialResult) -> None:
        """A trial finished."""

    def failed(self, trial: Trial, failure: TrialFailure) -> None:
        """A trial gave no score."""

    def notice(self, message: str) -> None:
        """Something happened, and the study goes on."""

    def running(self, progress: Sequence[tuple[Trial, TrialProgress]]) -> None:
        """These trials are running."""

    def collecting_gates(self, done: int, total: int) -> None:
        """The gates of so many trials are recorded, of all that were without."""


class LiveReport:
    """Keeps failures, passes on what the runner tells, and renews the report while the study runs.

    Args:
        folder: Of the study.
        progress: The display.
        renew: Writes the report of what has finished.
    """

    def __init__(self, folder: Path, progress: StudyProgress, renew: Callable[[], object]) -> None:
        self.folder, self.progress, self.renew = folder, progress, renew
        self.renewed = time.monotonic()

    def finished(self, trial: Trial, result: TrialResult) -> None:
        """Tell, and renew the report if the last one is old."""
        self.progress.trial(result)
        self._renew()

    def failed(self, trial: Trial, failure: TrialFailure) -> None:
        """Keep the reason, tell, and renew the report if the last one is old."""
        write_failure(self.folder, trial, failure)
        self.progress.failed(trial, failure)
        self._renew()

    def notice(self, message: str) -> None:
        """Tell."""
        self.progress.notice(message)

    def running(self, progress: Sequence[tuple[Trial, TrialProgress]]) -> None:
        """Tell."""
        self.progress.running(progress)

    def _renew(self) -> None:
        if time.monotonic() - self.renewed > RENEW_SECONDS:
            self.renew()
            self.renewed = time.monotonic()


class NullProgress:
    """Progress that nobody watches."""

    def begin(self, total: int, finished: int) -> None:
        """Say nothing."""

    def trial(self, result: TrialResult) -> None:
        """Say nothing."""

    def failed(self, trial: Trial, failure: TrialFailure) -> None:
        """Say nothing."""

    def notice(self, message: str) -> None:
        """Say nothing."""

    def running(self, progress: Sequence[tuple[Trial, TrialProgress]]) -> None:
        """Say nothing."""

    def collecting_gates(self, done: int, total: int) -> None:
        """Say nothing."""
