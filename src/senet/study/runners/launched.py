"""The ranks of torchrun or accelerate launch: each runs its share of the trials, one after the other, by itself."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from senet.errors import UsageError
from senet.study.environment import environment
from senet.study.outcome import Failure
from senet.study.plan import Trial
from senet.study.runners.attempt import attempt, clear_paces, pace_path, write_pace
from senet.study.runners.runner import Watcher
from senet.study.trial import keep
from senet.training.team import Team


class LaunchedRanks:
    """Runs every n-th of rank 0's trials on each of n ranks; a trial never spans ranks, so its scores are exact.

    Args:
        team: The ranks, which see the study's folder under the same path.
    """

    def __init__(self, team: Team) -> None:
        self.team = team

    def run(self, trials: Sequence[Trial], folder: Path, watcher: Watcher) -> None:
        """Run this rank's trials, and wait for the others; see :class:`~senet.study.runners.runner.Runner`.

        Args:
            trials: Rank 0's count; the others may pass none.
            folder: Of the study.
            watcher: Is told of this rank's trials.

        Raises:
            UsageError: The ranks run on different hardware or versions.
        """
        self._require_alike()
        share, all_trials = self.team.share, self.team.from_first(lambda: list(trials))
        for trial in all_trials[share.rank :: share.ranks]:
            write_pace(folder, trial)
            ended = attempt(trial, partial(write_pace, folder, trial))
            if isinstance(ended, Failure):
                watcher.failed(trial, ended)
            else:
                keep(trial, ended, folder)
                watcher.finished(trial, ended.result)
            pace_path(folder, trial.key).unlink(missing_ok=True)
        self.team.everyone(None)
        if share.rank == 0:
            clear_paces(folder)

    def _require_alike(self) -> None:
        first, *others = self.team.everyone(environment())
        for rank, other in enumerate(others, 1):
            if other != first:
                keys = ", ".join(key for key in first if first[key] != other[key])
                do = "run a study on machines of one kind"
                raise UsageError(f"rank {rank} differs from rank 0 in {keys}: their scores are not averaged", do=do)
