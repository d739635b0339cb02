"""train(): a run in a folder that survives whatever happens to its process, and continues to the same byte."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.training.callbacks import Callback, EpochCallback
from senet.training.checkpoint.run_identity import agreed_identity
from senet.training.in_memory import MemoryWriter
from senet.training.job import TrainingJob, TrainingResult, WriteWeights, with_input
from senet.training.loop import run_epochs
from senet.training.setup.freeze import FineTuneConfig
from senet.training.signals import Signals
from senet.training.writer.folder_writer import FolderWriter, lock_folder
from senet.training.writer.writer import Writer
from senet.utils.files import require_writable

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed


def train(
    model: nn.Module,
    feed: "Feed",
    job: TrainingJob,
    write_weights: WriteWeights,
    watch: Callback | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
    *,
    team: ProcessGroup | None = None,
) -> TrainingResult:
    """Train a model in place and leave its weights, its measurements and its checkpoints in the job's folder.

    On one machine, with the same versions and threads, a run that is killed and resumed ends with the same bytes
    as one that is not. Sets torch's number of threads.

    Args:
        model: (B, C, H, W) -> (B, classes), initialised, on the device to train on.
        feed: Yields batches; of several ranks, this one's slices.
        job: What to do, and where.
        write_weights: Writes the weights of the last and of the best epoch, ``senet.weights.write_state``.
        watch: Is told what happens, on rank 0.
        group: The ranks that train together (:func:`senet.distributed.init.process_group`); each calls this function.
        team: The name of ``group`` before version 0.1.0.

    Raises:
        UsageError: The folder holds another run, another process works in it, ranks are not alike, or what the job
            calls fresh does not fit the network or the recipe.
        WeightsError: No checkpoint of the run is whole.
        DivergedError: Loss or gradient is not finite; checkpoints are those from before.
        ResourceError: The disk or the memory is full; checkpoints are those from before.
        StoppedError: A signal came; the state is saved.
    """
    group = team or group
    group.broadcast_from_rank0(lambda: require_writable(job.folder))
    job = replace(job, metadata=with_input(job.metadata, feed))
    with ExitStack() as stack:
        group.broadcast_from_rank0(lambda: stack.enter_context(lock_folder(job.folder)))
        signals = stack.enter_context(Signals())
        tuning = FineTuneConfig(job.recipe, job.fresh)
        who = agreed_identity(model, feed, tuning, job.seed, group)
        writer: Writer[Any] = MemoryWriter(EpochCallback(), signals)
        if group.share.rank == 0:
            writer = FolderWriter(job, who, write_weights, watch or EpochCallback(), signals)
        trained: TrainingResult = run_epochs(model, feed, tuning, job.seed, writer, group)
        return trained
