"""Run a prepared training, watched on the terminal and by trackers, and leave a report however it ends."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from senet.cli.common.log import add_log_file
from senet.cli.train.job import PreparedTraining
from senet.cli.train.progress import ConsoleCallback
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.training import Callback, TrainingResult, train
from senet.training.callbacks import CallbackList, TrackerCallback
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.recipe.recipe import to_dict
from senet.utils.files import require_writable
from senet.utils.text import printable
from senet.weights import write_state

logger = logging.getLogger("senet")


def run_train(
    prepared: PreparedTraining, trackers: Sequence[str], group: ProcessGroup = SINGLE_PROCESS
) -> TrainingResult:
    """Train; rank 0 alone shows how it goes.

    Raises:
        SenetError: As of :func:`senet.training.train`; an unknown tracker.
    """
    job, feed = prepared.job, prepared.feed
    if group.share.rank:
        return train(prepared.model, feed, job, write_state, group=group)
    require_writable(job.folder)
    add_log_file(job.folder / "log.txt")
    for line in prepared.notes:  # the log begins after the data was opened
        logger.warning("%s", line, extra={"said": True})
    with ConsoleCallback(job.recipe.epochs) as console, _tracked(prepared, trackers) as tracked:
        try:
            return train(prepared.model, feed, job, write_state, CallbackList([console, *tracked]), group)
        finally:
            _report(job.folder, console)


def resume_hint(folder: Path, resume: bool) -> str:
    """Say how to go on with a run that was stopped where it is not trained, so saved; empty if there is none.

    Args:
        folder: Of the run.
        resume: Whether the command goes on with it already.
    """
    if not CheckpointManager(folder).names():
        return ""
    again = "the same command" if resume else "the same command with --resume"
    return f"stopped: the last checkpoint is in {printable(folder)}; {again} continues"


@contextlib.contextmanager
def _tracked(prepared: PreparedTraining, names: Sequence[str]) -> Iterator[list[Callback]]:
    if not names:
        yield []
        return
    job = prepared.job
    settings = {"recipe": to_dict(job.recipe), "seed": job.seed, "data": prepared.feed.name}
    tracked = TrackerCallback(names, job.folder, settings)
    try:
        yield [tracked]
    finally:
        tracked.finish()


def _report(folder: Path, console: ConsoleCallback) -> None:
    """Write the report; a run is not lost for want of one."""
    if not (folder / "results.csv").exists():
        return
    try:
        from senet.training.report.page import write_report

        write_report(folder)
    except Exception as error:
        logger.exception("the report could not be written")
        console.notice(f"report.html could not be written: {error}")
