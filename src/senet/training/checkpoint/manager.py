"""The checkpoints of a run: the newest and the one before it, and what to do when the newest is damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

from senet.errors import ResourceError, WeightsError
from senet.training.checkpoint.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from senet.training.checkpoint.progress import TrainProgress

KEPT = 2


class CheckpointManager:
    """Keeps the newest checkpoint and its predecessor; an old one goes only after a new one was read back.

    Args:
        run: Folder of the run.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"

    def names(self) -> list[str]:
        """Return the names of all checkpoints, the newest first."""
        return sorted((path.name for path in self.folder.glob("epoch-*") if path.is_dir()), reverse=True)

    def save(self, checkpoint: Checkpoint, at: TrainProgress) -> None:
        """Write a checkpoint, then remove all but it and its predecessor.

        Raises:
            ResourceError: It could not be written; those that were there still are.
        """
        name = f"epoch-{at.epoch:05d}-step-{at.step:07d}"
        write_checkpoint(checkpoint, self.folder / name)
        kept = [other for other in self.names() if other <= name][:KEPT]
        for other in set(self.names()) - set(kept):  # also damaged ones of a later step
            shutil.rmtree(self.folder / other, ignore_errors=True)

    def try_write(self, write: Callable[[], object], notice: Callable[[str], None]) -> ResourceError | None:
        """Write something of the run; where the disk refuses, tell it and return why: training goes on."""
        try:
            write()
        except ResourceError as error:
            kept = self.names()
            held = f"{kept[0]} is kept" if kept else "there is no checkpoint yet"
            notice(f"{error.what}; {held}; training goes on and tries again at the next checkpoint")
            return error
        return None

    def load_newest(self, notice: Callable[[str], None]) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, None where there is none at all.

        Args:
            notice: Is told of every damaged one, and which is used in its place.

        Raises:
            WeightsError: There are checkpoints, but none is whole.
        """
        damaged: list[WeightsError] = []
        for name in self.names():
            try:
                checkpoint = read_checkpoint(self.folder / name)
            except WeightsError as error:
                damaged.append(error)
                notice(f"{name} is not used: {error.what}")
                continue
            if damaged:
                notice(f"{name} is used in its place")
            return checkpoint
        if damaged:
            do = "delete the folder to start again"
            raise WeightsError("all checkpoints are damaged", where=str(self.folder), do=do) from damaged[0]
        return None

    def clean(self) -> None:
        """Remove what a killed process left half-written; the run's folder has to be locked."""
        for path in self.folder.glob(".epoch-*.tmp"):
            shutil.rmtree(path, ignore_errors=True)
