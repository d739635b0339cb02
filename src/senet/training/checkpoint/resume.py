"""Continue a run: only as what it was, from the newest checkpoint that is whole."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from senet.errors import UsageError
from senet.training.checkpoint import progress
from senet.training.checkpoint.checkpoint import Checkpoint
from senet.training.checkpoint.manager import CheckpointManager
from senet.training.checkpoint.progress import TrainProgress
from senet.training.checkpoint.run_identity import require_same_run
from senet.training.checkpoint.train_state import TrainState, restore_learner, with_prefix
from senet.training.job import TrainingJob
from senet.training.recipe.recipe import Recipe, to_dict
from senet.training.step.learner import Learner
from senet.utils.files import remove_leftovers

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed


def checkpoint_to_resume(
    job: TrainingJob, manager: CheckpointManager, now: Mapping[str, Any], notice: Callable[[str], None]
) -> Checkpoint | None:
    """Return the checkpoint to continue from, None for a fresh run; the folder has to be locked.

    Args:
        job: Says whether to continue.
        manager: Of the run's folder.
        now: Identity of the run that is to continue.
        notice: Is told of damaged checkpoints and of changes.

    Raises:
        UsageError: There is a run and no ``resume``, or the other way round, or it is another run.
        WeightsError: No checkpoint is whole.
    """
    manager.clean()
    for folder in (job.folder, job.folder / "weights"):
        remove_leftovers(folder)
    require_no_run(job.folder, job.resume)
    saved = manager.load_newest(notice)
    if saved is None and job.resume:
        raise UsageError("there is no run to resume", where=str(job.folder), do="leave --resume out")
    if saved is not None:
        before = {"environment.ranks": 1, **saved.state["identity"]}  # older checkpoints are of one process
        for changed in require_same_run(before, now, job.allow):
            notice(f"changed since the checkpoint: {changed}")
        if before["environment.ranks"] != now["environment.ranks"]:
            notice("with another number of ranks sums are rounded otherwise: results are not bit-identical")
    return saved


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds a run that trained to its end."""
    return (folder / "result.json").exists()


def require_no_run(folder: Path, resume: bool) -> None:
    """Refuse to begin a run where there is one.

    Raises:
        UsageError: There is, and ``resume`` is false.
    """
    if resume or not CheckpointManager(folder).names():
        return
    if is_finished(folder):
        do = "pass another --out; --resume with more --epochs trains it on"
        raise UsageError("the folder holds a run that finished", where=str(folder), do=do)
    do = "add --resume to continue it, or pass another --out"
    raise UsageError("the folder holds a run that is not finished", where=str(folder), do=do)


def restore_run(saved: Checkpoint, learner: Learner) -> TrainState:
    """Set a learner back to a checkpoint; return where the run stands."""
    restore_learner(learner, saved.tensors, saved.state["learner"])
    at, best = progress.from_dict(saved.state["position"]), with_prefix(saved.tensors, "best")
    return TrainState(learner, at, best, dict(saved.state.get("unread", {})))


def resume_message(at: TrainProgress, recipe: Recipe, lr: float) -> str:
    """Say where a run continues and how its learning rate goes on, which shows a changed schedule before it acts."""
    if at.epoch > recipe.epochs:
        return f"complete at {recipe.epochs}/{recipe.epochs} epochs, nothing to do"
    return f"continues at epoch {at.epoch}, step {at.step + 1}: learning rate {at.lr:.4g} -> {lr:.4g}"


def timestamp() -> str:
    """Return the time of day as run.json says it, to the second, with the place's distance from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def start_time(folder: Path) -> str:
    """Return when the run in a folder began; now, where its run.json does not say."""
    try:
        return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["began"])
    except (OSError, ValueError, KeyError, TypeError):
        return timestamp()


def run_record(job: TrainingJob, feed: "Feed", identity: Mapping[str, Any], began: str) -> dict[str, Any]:
    """Return what run.json says, JSON-ready; all that defines the run is in its identity.

    Args:
        job: The run.
        feed: Its data.
        identity: What may not differ between the run and its continuation.
        began: When it did.
    """
    from senet.data.loader.feed import sizes_in, unused_in  # it imports torchvision

    sizes = sizes_in(feed)
    return {
        "began": began,
        **job.facts,
        "recipe": to_dict(job.recipe),
        "precision": {"value": job.recipe.precision, "origin": job.origin},
        "data": feed.name,
        **({} if sizes is None else {"sizes": asdict(sizes)}),
        "about": job.metadata.to_dict(),
        "identity": dict(identity),
        "unused": [asdict(one) for one in unused_in(feed)],
    }
