"""Everything that a run writes to its folder."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from torch import Tensor

from senet.data.loader.feed import unused_in
from senet.data.unused import unreadable_records, unused_sentences
from senet.errors import ResourceError, UsageError
from senet.inference.confusion_file import CONFUSION, confusion_json, output_labels
from senet.inference.confusion_matrix import ConfusionMatrix
from senet.inference.score import Score
from senet.training.callbacks import Callback
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.checkpoint.progress import TrainProgress, stop_message
from senet.training.checkpoint.resume import checkpoint_to_resume, run_record, start_time, timestamp
from senet.training.checkpoint.train_state import TrainState
from senet.training.job import TrainingJob, TrainingResult, WriteWeights, with_epoch
from senet.training.signals import Signals, StoppedError
from senet.training.writer.failure import clear_failure, record_failure
from senet.training.writer.metrics import EpochRow, JsonlWriter, write_rows
from senet.utils.files import write_text

if TYPE_CHECKING:
    from senet.data.loader.feed import Feed


class FolderWriter:
    """A run's folder.

    Args:
        job: Names it.
        identity: Of the run; goes into every checkpoint.
        write_weights: Writes weights.
        watch: Is told of everything that does not go as planned.
        signals: That ask the run to stop.
    """

    detailed = True

    def __init__(
        self,
        job: TrainingJob,
        identity: Mapping[str, Any],
        write_weights: WriteWeights,
        watch: Callback,
        signals: Signals,
    ) -> None:
        self.job, self.folder, self.write_weights, self.watch = job, job.folder, write_weights, watch
        self.identity, self.manager, self.signals = identity, CheckpointManager(job.folder), signals
        self.failed: ResourceError | None = None  # of the last checkpoint, None if it was written

    def load_checkpoint(self) -> Checkpoint | None:
        """Return what to continue from, None for a fresh run; the folder has to be locked.

        Raises:
            SenetError: As of :func:`senet.training.checkpoint.resume.checkpoint_to_resume`.
        """
        return checkpoint_to_resume(self.job, self.manager, self.identity, self.watch.notice)

    def begin(self, at: TrainProgress, total_steps: int, feed: "Feed") -> None:
        """Write what the run is, and cut from the records what lies past the position that it starts from."""
        clear_failure(self.folder)
        if at.epoch <= self.job.recipe.epochs:
            for name in ("result.json", CONFUSION):
                (self.folder / name).unlink(missing_ok=True)
        self.steps_per_epoch, self.unused, self.classes = feed.steps_per_epoch, unused_in(feed), feed.classes
        said = run_record(self.job, feed, self.identity, start_time(self.folder) if at.steps else timestamp())
        write_text(self.folder / "run.json", json.dumps(said, indent=1) + "\n")
        write_rows(self.folder / "results.csv", at.rows)
        self.lines = JsonlWriter(self.folder / "metrics.jsonl", at.steps)
        self.watch.begin(total_steps, at.steps)

    def end_step(self, state: TrainState, loss: float | None, images: int, seconds: float) -> None:
        """Note a step; save every so many, but for an epoch's last, which saves in any case."""
        at, every = state.progress, self.job.save_every
        self.lines.add(at.steps, {"epoch": at.epoch, "loss": loss, "lr": at.lr, "images": images, "seconds": seconds})
        self.watch.step(loss, at.lr, images)
        if every and at.steps % every == 0 and at.step < self.steps_per_epoch:
            self.save(state)

    def end_epoch(self, state: TrainState) -> None:
        """Note an epoch; a full disk does not stop the run, the next checkpoint tries again."""
        at, counts, row = state.progress, state.learner.counts, state.progress.rows[-1]
        if at.best is row:
            self._tolerantly(lambda: self._write("best", state.best, row))
        self._tolerantly(lambda: write_rows(self.folder / "results.csv", at.rows))
        self.lines.add(at.steps, {**asdict(row), "overflows": counts.overflows, "scales": counts.scales})
        self.save(state)
        self.watch.epoch(row)

    def save(self, state: TrainState) -> None:
        """Write a checkpoint; where it fails, say so and which one is kept."""
        self.failed = self._tolerantly(lambda: self.manager.save(state.checkpoint(self.identity), state.progress))

    def _tolerantly(self, write: Callable[[], object]) -> ResourceError | None:
        return self.manager.try_write(write, self.watch.notice)

    def save_and_stop(self, state: TrainState, number: int) -> Exception:
        """Save after a signal, and return what to raise: the resume line, or why there is none."""
        self.save(state)
        what = stop_message(number, state.progress)
        if self.failed:
            return ResourceError(f"{what}: {self.failed.what}", where=self.failed.where, do=self.failed.do)
        return StoppedError(f"{what}; saved", where=str(self.folder), do=self.job.resume_line, signal_number=number)

    def recording_failure(self) -> AbstractContextManager[None]:
        """Keep why the run ended early in its folder."""
        return record_failure(self.folder, self.job.resume_line)

    def saved_test_score(self) -> Score | None:
        """Return the test score of a run that was complete before."""
        try:
            return Score(**json.loads((self.folder / "result.json").read_text(encoding="utf-8"))["test"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, state: TrainState, test: Score, found: ConfusionMatrix | None) -> TrainingResult:
        """Write the weights and the result; of a run that was complete before, what was found then stays.

        Raises:
            ResourceError: They, or the last checkpoint, could not be written.
        """
        at, learner = state.progress, state.learner
        assert at.best is not None
        last = self._write("last", learner.model.state_dict(), at.rows[-1])
        best_weights = self._write("best", state.best, at.best)
        unused = (*self.unused, *unreadable_records(state.unread))
        scores = {"test": asdict(test), "best": asdict(at.best), "counts": asdict(learner.counts)}
        result = {**scores, "unused": [asdict(one) for one in unused]}
        if found:
            write_text(self.folder / CONFUSION, confusion_json(found, output_labels(self.classes)))
        write_text(self.folder / "result.json", json.dumps(result, indent=1) + "\n")
        for sentence in unused_sentences(unreadable_records(state.unread)):
            self.watch.notice(sentence)
        if self.failed:
            raise self.failed
        return TrainingResult(tuple(at.rows), at.best, test, last, best_weights, unused)

    def _write(self, name: str, state: Mapping[str, Tensor], row: EpochRow) -> Path:
        """Write weights with what is needed to use them."""
        path = self.folder / "weights" / f"{name}.safetensors"
        self.write_weights(state, path, with_epoch(self.job.metadata, self.job.seed, row))
        return path


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep a second process out of a folder, made if need be; the system drops the lock of a process that dies.

    Raises:
        UsageError: Another process holds it; names the process and its host.
    """
    owner = folder / ".lock.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", blocking=False):
            write_text(owner, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
            yield
    except Timeout as error:
        what, do = f"another process uses this folder: {_owner(owner)}", "wait for it, or pass another --out"
        raise UsageError(what, where=str(folder), do=do) from error


def _owner(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"pid {said['pid']} on host {said['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown one"
