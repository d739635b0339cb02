"""What a study asks of whatever runs its trials, and what it hears of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from senet.study.plan import Trial
from senet.study.summary import TrialResult
from senet.study.trials.result_files import TrialFailure

ATTEMPTS = 3
"""Processes that a trial may lose before it counts as failed."""


@dataclass(frozen=True)
class TrialProgress:
    """How far a running trial is.

    Args:
        epoch: The last one that ended, 0 before the first has.
        epochs: In all.
        validation: Accuracy after it, in percent; None before the first has ended.
    """

    epoch: int
    epochs: int
    validation: float | None


class TrialCallback(Protocol):
    """Is told what becomes of trials."""

    def finished(self, trial: Trial, result: TrialResult) -> None:
        """A trial's result and weights are on disk."""

    def failed(self, trial: Trial, failure: TrialFailure) -> None:
        """A trial gave no score and is not tried again in this run."""

    def notice(self, message: str) -> None:
        """Something happened that the user should know of, and the study goes on."""

    def running(self, progress: Sequence[tuple[Trial, TrialProgress]]) -> None:
        """These trials are running; called now and then."""


class Runner(Protocol):
    """Runs trials. A diverged trial, or one that loses its process again and again, fails and the others go on."""

    def run(self, trials: Sequence[Trial], folder: Path, callback: TrialCallback) -> None:
        """Run trials and keep what they leave.

        Args:
            trials: What to run; a finished one is the caller's to leave out.
            folder: Of the study, on this machine.
            callback: Is told.

        Raises:
            SenetError: What would stop every other trial too: the data changed, the disk is full.
        """
