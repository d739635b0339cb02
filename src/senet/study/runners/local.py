"""Worker processes of this machine. One that is killed takes its trial with it; the others go on."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from senet.errors import ResourceError
from senet.study.outcome import Failure, read_result
from senet.study.plan import Trial
from senet.study.runners.attempt import LOOK, Ended, attempt_here, clear_paces, read_paces, tell
from senet.study.runners.pool import begun, processes
from senet.study.runners.runner import ATTEMPTS, Watcher
from senet.training import StoppedError

DIED = "its process died, most likely for want of memory"
FEWER = "run the same command again with fewer --workers; finished trials are kept"


class LocalWorkers:
    """Runs trials in so many processes of this machine.

    Args:
        processes: Each trains one trial at a time, with the threads that its recipe says.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes

    def run(self, trials: Sequence[Trial], folder: Path, watcher: Watcher) -> None:
        """Run trials; see :class:`~senet.study.runners.runner.Runner`.

        Raises:
            ResourceError: Workers die before they begin a trial.
        """
        waiting, lost = list(trials), Counter[str]()
        while waiting:
            clear_paces(folder)
            before = len(waiting)
            waiting, broken = self._round(waiting, folder, watcher)
            if broken:
                waiting = _after_a_death(waiting, folder, lost, watcher)
                if not lost and len(waiting) == before:
                    raise ResourceError("worker processes die before they begin", do=FEWER)
        clear_paces(folder)

    def _round(self, trials: list[Trial], folder: Path, watcher: Watcher) -> tuple[list[Trial], bool]:
        """Run trials until all have ended or a process died; return those without an end, and whether one did."""
        with processes(self.processes) as pool:
            pending = dict(zip(begun(pool, [partial(_work, trial, folder) for trial in trials]), trials, strict=True))
            while pending:
                done, _ = wait(pending, timeout=LOOK, return_when=FIRST_COMPLETED)
                if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                    return list(pending.values()), True
                for future in done:
                    tell(pending.pop(future), future.result(), watcher)
                watcher.running(read_paces(folder, trials))
        return [], False


def _after_a_death(waiting: list[Trial], folder: Path, lost: Counter[str], watcher: Watcher) -> list[Trial]:
    """Return what is to run again: those that were running have lost one process more."""
    running, again = {trial.key for trial, _ in read_paces(folder, waiting)}, []
    for trial in waiting:
        if result := read_result(folder, trial):  # it ended in the same moment
            watcher.finished(trial, result)
            continue
        lost.update([trial.key] if trial.key in running else [])
        if lost[trial.key] < ATTEMPTS:
            again.append(trial)
        else:
            watcher.failed(trial, Failure("failed", f"{DIED}, {ATTEMPTS} times", ATTEMPTS))
    names = ", ".join(f"{trial.variant}, seed {trial.seed}" for trial in again if trial.key in running)
    watcher.notice(f"a worker process died, most likely for want of memory; run again: {names or 'nothing'}")
    return again


def _work(trial: Trial, folder: Path) -> Ended:
    """Run a trial in a worker; one that is told to stop has saved, and ends as the signal would have ended it."""
    try:
        return attempt_here(trial, folder)
    except StoppedError as stop:
        os._exit(stop.exit_code)
