"""Worker processes of this machine. One that is killed takes its trial with it; the others go on."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from senet.errors import ResourceError
from senet.study.plan import Trial
from senet.study.runners.attempt import (
    POLL_SECONDS,
    TrialOutcome,
    attempt_in_process,
    clear_progress,
    notify,
    read_progress,
)
from senet.study.runners.runner import ATTEMPTS, TrialCallback
from senet.study.trials.result_files import TrialFailure, read_result
from senet.training import StoppedError
from senet.utils.allocator import keep_freed_memory

DIED = "its process died, most likely for want of memory"
FEWER = "run the same command again with fewer --workers; finished trials are kept"


class LocalRunner:
    """Runs trials in so many processes of this machine.

    Args:
        processes: Each trains one trial at a time, with the threads that its recipe says.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes

    def run(self, trials: Sequence[Trial], folder: Path, callback: TrialCallback) -> None:
        """Run trials; see :class:`~senet.study.runners.runner.Runner`.

        Raises:
            ResourceError: Workers die before they begin a trial.
        """
        waiting, lost = list(trials), Counter[str]()
        while waiting:
            clear_progress(folder)
            before = len(waiting)
            waiting, broken = self._round(waiting, folder, callback)
            if broken:
                waiting = _requeue(waiting, folder, lost, callback)
                if not lost and len(waiting) == before:
                    raise ResourceError("worker processes die before they begin", do=FEWER)
        clear_progress(folder)

    def _round(self, trials: list[Trial], folder: Path, callback: TrialCallback) -> tuple[list[Trial], bool]:
        """Run trials until all have ended or a process died; return those without an end, and whether one did."""
        with process_pool(self.processes) as pool:
            pending = dict(
                zip(submit_all(pool, [partial(_work, trial, folder) for trial in trials]), trials, strict=True)
            )
            while pending:
                done, _ = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                    return list(pending.values()), True
                for future in done:
                    notify(pending.pop(future), future.result(), callback)
                callback.running(read_progress(folder, trials))
        return [], False


def _requeue(waiting: list[Trial], folder: Path, lost: Counter[str], callback: TrialCallback) -> list[Trial]:
    """Return what is to run again: those that were running have lost one process more."""
    running, again = {trial.key for trial, _ in read_progress(folder, waiting)}, []
    for trial in waiting:
        if result := read_result(folder, trial):  # it ended in the same moment
            callback.finished(trial, result)
            continue
        lost.update([trial.key] if trial.key in running else [])
        if lost[trial.key] < ATTEMPTS:
            again.append(trial)
        else:
            callback.failed(trial, TrialFailure("failed", f"{DIED}, {ATTEMPTS} times", ATTEMPTS))
    names = ", ".join(f"{trial.variant}, seed {trial.seed}" for trial in again if trial.key in running)
    callback.notice(f"a worker process died, probably out of memory; run again: {names or 'nothing'}")
    return again


def _work(trial: Trial, folder: Path) -> TrialOutcome:
    """Run a trial in a worker; one that is told to stop has saved, and ends as the signal would have ended it."""
    try:
        return attempt_in_process(trial, folder)
    except StoppedError as stop:
        os._exit(stop.exit_code)


T = TypeVar("T")


@contextmanager
def process_pool(number: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of so many processes; an error, or Ctrl-C, tells those that run to stop."""
    pool = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_follow_parent)
    try:
        yield pool
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def submit_all(pool: ProcessPoolExecutor, calls: Sequence[Callable[[], T]]) -> list[Future[T]]:
    """Let a pool's processes, which start here, make the calls."""
    with _interrupts_held():
        return [pool.submit(call) for call in calls]


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the end, and for good in processes that start meanwhile.

    They import torch for seconds before their first line is run: each would print a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it, however it ends; keep freed memory as the command does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    threading.Thread(target=_exit_after, args=(parent_process(),), daemon=True).start()


def _exit_after(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    running = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in running:
        process.terminate()
