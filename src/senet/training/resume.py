"""Continue a run: only as what it was, from the newest checkpoint that is whole."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from senet.errors import UsageError
from senet.files import remove_leftovers
from senet.training import position
from senet.training.checkpoint import Checkpoint
from senet.training.identity import require_same
from senet.training.job import Job
from senet.training.learner import Learner
from senet.training.position import Position
from senet.training.recipe import Recipe, to_dict
from senet.training.shelf import Shelf
from senet.training.snapshot import RunState, part, restore

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed


def saved_run(job: Job, shelf: Shelf, now: Mapping[str, Any], notice: Callable[[str], None]) -> Checkpoint | None:
    """Return the checkpoint to continue from, None for a fresh run; the folder has to be locked.

    Args:
        job: Says whether to continue.
        shelf: Of the run's folder.
        now: Identity of the run that is to continue.
        notice: Is told of damaged checkpoints and of changes.

    Raises:
        UsageError: There is a run and no ``resume``, or the other way round, or it is another run.
        WeightsError: No checkpoint is whole.
    """
    shelf.clean()
    for folder in (job.folder, job.folder / "weights"):
        remove_leftovers(folder)
    if bool(shelf.names()) and not job.resume:
        do = "add --resume to continue it, or pass another --out"
        raise UsageError("the folder holds a run", where=str(job.folder), do=do)
    saved = shelf.newest(notice)
    if saved is None and job.resume:
        raise UsageError("there is no run to resume", where=str(job.folder), do="leave --resume out")
    if saved is not None:
        before = {"environment.ranks": 1, **saved.state["identity"]}  # older checkpoints are of one process
        for changed in require_same(before, now, job.allow):
            notice(f"changed since the checkpoint: {changed}")
        if before["environment.ranks"] != now["environment.ranks"]:
            notice("with another number of ranks sums are rounded otherwise: the run goes on, not to the same bits")
    return saved


def resumed(saved: Checkpoint, learner: Learner) -> RunState:
    """Set a learner back to a checkpoint; return where the run stands."""
    restore(learner, saved.tensors, saved.state["learner"])
    at, best = position.from_dict(saved.state["position"]), part(saved.tensors, "best")
    return RunState(learner, at, best, dict(saved.state.get("unread", {})))


def standing(at: Position, recipe: Recipe, lr: float) -> str:
    """Say where a run continues and how its learning rate goes on, which shows a changed schedule before it acts."""
    if at.epoch > recipe.epochs:
        return f"complete at {recipe.epochs}/{recipe.epochs} epochs, nothing to do"
    return f"continues at epoch {at.epoch}, step {at.step + 1}: learning rate {at.lr:.4g} -> {lr:.4g}"


def record(job: Job, feed: "Feed", identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return what run.json says, JSON-ready."""
    from senet.data.feed import sizes_in, unused_in  # it imports torchvision

    sizes = sizes_in(feed)
    return {
        "recipe": to_dict(job.recipe),
        "precision": {"value": job.recipe.precision, "origin": job.origin},
        "data": feed.name,
        **({} if sizes is None else {"sizes": asdict(sizes)}),
        "about": job.metadata.to_dict(),
        "identity": dict(identity),
        "unused": [asdict(one) for one in unused_in(feed)],
    }
