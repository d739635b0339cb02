"""Run trials in worker processes, one torch thread each as a rule, and hand results back as they come."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from senet.errors import ResourceError
from senet.study.plan import Trial
from senet.study.summary import TrialResult
from senet.study.trial import run_trial


def run_all(
    trials: list[Trial], folder: Path, workers: int, done: Callable[[TrialResult], None] = lambda result: None
) -> None:
    """Run trials in so many processes; the first error stops the rest, finished trials stay on disk.

    Args:
        trials: What to run; a finished one is the caller's to leave out.
        folder: Of the study.
        workers: Processes.
        done: Called in this process with each result.

    Raises:
        SenetError: A trial's own error.
        ResourceError: A worker died.
    """
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow_parent)
    try:
        for result in _results([pool.submit(run_trial, trial, folder) for trial in trials]):
            done(result)
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def _results(futures: list[Future[TrialResult]]) -> Iterator[TrialResult]:
    for future in as_completed(futures):
        try:
            yield future.result()
        except BrokenProcessPool as error:
            raise ResourceError(
                "a worker process died, most likely for want of memory",
                do="run the same command again with fewer --workers; finished trials are kept",
            ) from error


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_after, args=(parent_process(),), daemon=True).start()


def _exit_after(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
