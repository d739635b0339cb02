"""Worker processes for the loader: torch's DataLoader, and what its failures mean."""

import contextlib
import errno
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader

from senet.data.loader.fetch import FetchJob
from senet.errors import ResourceError, UsageError

PREFETCH = 2  # batches a worker has ready
SHARED_MEMORY = Path("/dev/shm")
MIB = 2**20


T_co = TypeVar("T_co", covariant=True)


class LoaderTask(Protocol[T_co]):
    """What is done with the images of a job; cheap to send to a process."""

    def __getitem__(self, job: FetchJob) -> T_co:
        """Do it."""

    def named(self, index: int) -> str:
        """Name an image in a message."""


def fetch_all(fetcher: LoaderTask[T_co], jobs: Iterator[FetchJob], workers: int) -> Iterator[tuple[FetchJob, T_co]]:
    """Fetch batches in the order of the jobs, in this process (``workers=0``) or in others; the same bytes.

    Raises:
        UsageError: Fewer than no workers.
        ResourceError: A worker died, or shared memory or file handles ran out.
    """
    require_workers(workers)
    if workers == 0:
        return ((job, fetcher[job]) for job in jobs)
    return _from_workers(fetcher, jobs, workers)


def require_workers(workers: int) -> None:
    """Refuse a number of workers that is none.

    Raises:
        UsageError: It is below 0.
    """
    if workers < 0:
        raise UsageError(f"workers={workers} is below 0", do="0 decodes in the process itself")


def require_shared_memory(batch_bytes: int, workers: int) -> None:
    """Refuse to start workers whose batches do not fit into shared memory, where they would die of SIGBUS.

    Args:
        batch_bytes: Of one batch.
        workers: How many; each has batches ready.

    Raises:
        ResourceError: States what is needed and what there is.
    """
    if workers == 0 or not SHARED_MEMORY.is_dir():
        return
    status = os.statvfs(SHARED_MEMORY)
    free, needed = status.f_bavail * status.f_frsize, batch_bytes * (PREFETCH * workers + 1)
    if free < needed:
        raise ResourceError(
            f"{workers} workers need {needed / MIB:,.0f} MiB of shared memory; {free / MIB:,.0f} MiB are free",
            where=str(SHARED_MEMORY),
            do="lower the workers (--workers 0 needs none) or the batch size (--batch-size), or give the container "
            "more: docker run --shm-size 1g",
        )


def _from_workers(fetcher: LoaderTask[T_co], jobs: Iterator[FetchJob], workers: int) -> Iterator[tuple[FetchJob, T_co]]:
    failed: list[Exception] = []
    awaited, ahead = itertools.tee(_until(jobs, failed))
    waiting, job = None, FetchJob(0, (), (), ())
    try:
        with quiet_fork_warnings(), _own_sigchld():
            waiting = _iterate(fetcher, ahead, workers)
        for job in awaited:
            fetched = next(waiting)
            yield job, fetched
        if failed:
            raise failed.pop()
    except (RuntimeError, OSError) as error:
        raise _explained(error, getattr(waiting, "_workers", []), fetcher, job) from error
    finally:
        _stop(waiting)


def _until(jobs: Iterator[FetchJob], failed: list[Exception]) -> Iterator[FetchJob]:
    """Yield jobs up to an error, which is kept.

    So batches before it arrive with any number of workers, and the loader is never left half started.
    """
    try:
        yield from jobs
    except Exception as error:
        failed.append(error)


def _iterate(fetcher: LoaderTask[Any], jobs: Iterator[FetchJob], workers: int) -> Any:
    """Start the workers."""
    loader: DataLoader[Any] = DataLoader(
        fetcher,  # type: ignore[arg-type]  # a Dataset is whatever has __getitem__
        batch_size=None,  # a job is a batch already
        sampler=jobs,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=PREFETCH,
        multiprocessing_context=_start_method(),
        worker_init_fn=_begin,
        generator=torch.Generator(),  # else the loader draws from the global one, as dropout does
    )
    return iter(loader)


def _start_method() -> str | None:
    """Fork within a process that was spawned, as a study's are: Python would spawn workers there too, for seconds."""
    return "fork" if sys.platform == "linux" and multiprocessing.parent_process() is not None else None


def _stop(waiting: Any) -> None:
    """Stop the workers now.

    An error's traceback may keep the loader in a cycle, whose pipes Python's collector closes in any order.
    """
    if waiting is not None:
        waiting._shutdown_workers()


@contextlib.contextmanager
def quiet_fork_warnings() -> Iterator[None]:
    """Silence warnings about starting processes: their number is the user's choice, and they only read and decode."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create")
        warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
        yield


@contextlib.contextmanager
def _own_sigchld() -> Iterator[None]:
    """Take back the handler by which torch raises in whatever code runs when a worker dies.

    Without it, a death is found where its batch is waited for, within seconds, and can be explained.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _begin(worker: int) -> None:
    """Make a worker deaf to Ctrl-C and obedient to SIGTERM: handlers of the main process came along with the fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid != os.getppid():
        os._exit(1)  # it died meanwhile; torch looks whether the parent changes from here on
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _as_it_is(fetched: Any) -> Any:
    return fetched


def _explained(error: Exception, workers: Sequence[Any], fetcher: LoaderTask[Any], job: FetchJob) -> Exception:
    if getattr(error, "errno", None) == errno.EMFILE or "Too many open files" in str(error):
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return ResourceError(
            f"too many open files: the limit is {limit}",
            where=f"{len(workers)} data workers",
            do="raise it, ulimit -n 4096, or lower the workers (--workers)",
        )
    dead = [(number, worker.exitcode) for number, worker in enumerate(workers) if worker.exitcode]
    if not dead:
        return error
    number, code = dead[0]
    named = fetcher.named
    name = signal.Signals(-code).name if code < 0 else ""
    return ResourceError(
        f"data worker {number} died ({f'signal {-code}, {name}' if name else f'exit code {code}'})",
        where=f"about step {job.step}, images {named(job.indices[0])} to {named(job.indices[-1])}",
        do=UNSTARTED if code > 0 else REMEDIES.get(name, "lower the workers (--workers) or free memory"),
    )


UNSTARTED = (
    'its own message stands above; where processes are not forked, a script needs if __name__ == "__main__": '
    "around what it runs; 0 workers need no process"
)
REMEDIES = {
    "SIGBUS": f"{SHARED_MEMORY} may be too small: lower the workers (--workers) or the batch size "
    "(--batch-size), or enlarge it",
    "SIGSEGV": "one of these images crashed the decoder: move them away; senet data check reads the rest",
}
