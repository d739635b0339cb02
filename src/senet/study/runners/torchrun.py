"""The ranks of torchrun or accelerate launch: each runs its share of the trials, one after the other, by itself."""

from collections.abc import Sequence
from pathlib import Path

from senet.distributed.consistency import require_same_on_all_ranks
from senet.distributed.process_group import ProcessGroup
from senet.study.plan import Trial
from senet.study.runners.attempt import attempt_in_process, clear_progress, notify
from senet.study.runners.runner import TrialCallback
from senet.utils.environment import environment


class RankRunner:
    """Runs every n-th of rank 0's trials on each of n ranks; a trial never spans ranks, so its scores are exact.

    Args:
        group: The ranks, which see the study's folder under the same path.
    """

    def __init__(self, group: ProcessGroup) -> None:
        self.group = group

    def run(self, trials: Sequence[Trial], folder: Path, callback: TrialCallback) -> None:
        """Run this rank's trials, and wait for the others; see :class:`~senet.study.runners.runner.Runner`.

        Args:
            trials: Rank 0's count; the others may pass none.
            folder: Of the study.
            callback: Is told of this rank's trials.

        Raises:
            UsageError: The ranks run on different hardware or versions.
        """
        require_same_on_all_ranks(self.group, environment(), do="run a study on machines of one kind")
        share, all_trials = self.group.share, self.group.broadcast_from_rank0(lambda: list(trials))
        for trial in all_trials[share.rank :: share.ranks]:
            notify(trial, attempt_in_process(trial, folder), callback)
        self.group.all_gather(None)
        if share.rank == 0:
            clear_progress(folder)
