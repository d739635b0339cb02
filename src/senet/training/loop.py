"""The one loop: every step, epoch and score of a run, whoever writes down what comes of it."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from torch import Tensor, nn

from senet.data.loader.feed import unread_in
from senet.data.sampling.seeding import seed_torch
from senet.data.unused import merge_unread
from senet.distributed.consistency import require_no_unused_parameters
from senet.distributed.log_forwarder import LogForwarder
from senet.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from senet.errors import DataError, DivergedError, UsageError
from senet.inference.confusion_meter import ConfusionMeter
from senet.inference.evaluation import accumulate_counts, combine_counts, ignore_batch
from senet.inference.score import Score
from senet.training.checkpoint.progress import StepId
from senet.training.checkpoint.resume import restore_run, resume_message
from senet.training.checkpoint.train_state import TrainState
from senet.training.setup.batch_checks import explain_out_of_memory, explain_small_batch
from senet.training.setup.freeze import FineTuneConfig
from senet.training.setup.prepare_model import prepare_network
from senet.training.setup.step_time import torch_threads
from senet.training.signals import ReceivedSignal
from senet.training.step.class_weights import class_weights
from senet.training.step.learner import Learner
from senet.training.step.lr_schedule import learning_rate
from senet.training.writer.writer import Writer

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed, HeldOut

T = TypeVar("T")


def run_epochs(
    model: nn.Module,
    feed: "Feed",
    tuning: FineTuneConfig,
    seed: int,
    writer: Writer[T],
    group: ProcessGroup = SINGLE_PROCESS,
) -> T:
    """Train a model in place, from where the writer's checkpoint stands.

    Args:
        model: (B, C, H, W) -> (B, classes), initialised, on the device to train on.
        feed: Yields batches; of several ranks, this one's slices.
        tuning: How to train, and what has no trained weights.
        seed: Of order, augmentation, mixing and in-model randomness.
        writer: Keeps what comes of it, in files or in memory.
        group: The ranks that train together; each calls this function.

    Returns:
        What the writer makes of it.

    Raises:
        DivergedError: Loss or gradient is not finite.
        ResourceError: The memory is full.
        StoppedError: A signal came; the state is saved.
    """
    with torch_threads(tuning.recipe.threads), LogForwarder(group) as forwarder:
        loop = TrainingLoop(model, feed, tuning, seed, writer, forwarder)
        try:
            with writer.recording_failure():
                return loop.run()
        finally:
            loop.state.learner.frozen.unfreeze()  # a run that failed, too


class TrainingLoop(Generic[T]):
    """The run's parts: where it stands, and who hears of it."""

    def __init__(
        self,
        model: nn.Module,
        feed: "Feed",
        tuning: FineTuneConfig,
        seed: int,
        writer: Writer[T],
        forwarder: LogForwarder,
    ) -> None:
        self.feed, self.seed, self.writer, self.forwarder = feed, seed, writer, forwarder
        self.recipe = recipe = tuning.recipe
        self.group = group = forwarder.group
        for said in tuning.notices(model):
            self.notice(said)
        saved = group.broadcast_from_rank0(writer.load_checkpoint)
        prepare_network(model, recipe, group.share.ranks)
        if group.share.ranks > 1:
            require_no_unused_parameters(model, feed.transform.shape)  # as it is now: what is checked is what trains
        weights = class_weights(recipe, feed)
        learner = Learner(model, tuning, len(feed.classes), feed.transform.normalise, group, weights)
        self.state = state = restore_run(saved, learner) if saved else TrainState(learner)
        if saved:
            self.notice(resume_message(state.progress, recipe, self.lr()))
        if feed.test is feed.validation:
            self.notice("no test split: the score is of the validation images, which choose the best epoch")
        writer.begin(state.progress, recipe.epochs * feed.steps_per_epoch, feed)

    def notice(self, message: str) -> None:
        """Tell what the user should know, and what does not stop the run."""
        self.writer.watch.notice(message)

    def run(self) -> T:
        """Train, score, and return what the writer makes of it; a signal saves and stops."""
        try:
            while self.state.progress.epoch <= self.recipe.epochs:
                self.train_epoch()
                self.end_epoch()
            return self.finish()
        except ReceivedSignal:
            raise self.stop() from None

    def train_epoch(self) -> None:
        """Take the steps of the current epoch that are not taken yet."""
        at, learner = self.state.progress, self.state.learner
        learner.begin_epoch(at.epoch)
        if at.step == self.feed.steps_per_epoch:  # stopped while it was measured
            return
        for images, targets in self.feed.train_batches(self.seed, at.epoch, at.step):
            began = time.monotonic()
            whole = self._global_batch_size(len(images))
            learner.lr = self.lr()
            loss = self._step(images, targets, StepId(self.seed, at.epoch, at.step + 1), whole)
            at.count_step(loss, whole, learner.lr)
            self.writer.end_step(self.state, loss, whole, time.monotonic() - began)
        if at.step < self.feed.steps_per_epoch:
            what = f"the feed ended after {at.step} of {self.feed.steps_per_epoch} steps"
            raise DataError(what, where=f"epoch {at.epoch}", do="run senet data check")

    def _global_batch_size(self, images: int) -> int:
        """Return the images of all ranks' slices of a batch; a signal to any of them stops them all here."""
        whole, signalled = self.group.all_reduce_sum([images, self.writer.signals.number or 0])
        if signalled:
            raise ReceivedSignal
        self._require_batch(int(whole))
        return int(whole)

    def _require_batch(self, images: int) -> None:
        """Refuse a feed of other batches than the recipe's: the last one of an epoch alone may differ."""
        asked, at = self.recipe.batch_size, self.state.progress
        if at.step + 1 < self.feed.steps_per_epoch and images != asked:
            mine = self.feed.sample_ids(self.seed, at.epoch, at.step)  # with images that were left out
            planned = int(self.group.all_reduce_sum([len(mine)])[0])
            if planned != asked:
                raise UsageError(f"the feed's batches have {planned} images, but the recipe says batch_size={asked}")
        if images == asked + 1 and at.epoch == 1:
            self.notice("an epoch's last image joins the batch before it: norms cannot train on one")

    def lr(self) -> float:
        """Return the learning rate of the next step; the schedule does not advance on steps left out."""
        at = self.state.progress
        taken = (at.epoch - 1) * self.feed.steps_per_epoch + at.step - self.state.learner.counts.skipped
        return learning_rate(self.recipe, max(taken, 0) / self.feed.steps_per_epoch) * at.fall.factor(self.recipe)

    def _step(self, images: Tensor, targets: Tensor, step_id: StepId, whole: int) -> float | None:
        """Seed dropout and its like by the step, so that a run can be entered at any; name what went wrong."""
        rank, ranks = self.group.share.rank, self.group.share.ranks
        key = (step_id.seed, "model", step_id.epoch, step_id.step, *([rank] if rank else []))
        seed_torch(self.state.learner.device, *key)
        try:
            small = explain_small_batch(self.recipe, len(images), str(step_id))
            with small, explain_out_of_memory(self.recipe, str(step_id)):
                return self.state.learner.step(images, targets, step_id, len(images) * ranks / whole)
        except DivergedError as error:
            found = self.group.all_gather(self.feed.sample_ids(step_id.seed, step_id.epoch, step_id.step - 1))
            samples = ", ".join(name for mine in found for name in mine[: 8 // ranks + 1 if ranks > 1 else 8])
            raise DivergedError(error.what, where=f"{error.where}; samples {samples}, ...", do=error.do) from error

    def end_epoch(self) -> None:
        """Measure the epoch, keep the best weights, write everything down."""
        at, learner = self.state.progress, self.state.learner
        measured = self._score(self.feed.validation)
        if at.best is None or measured.top1 > at.best.validation_top1:  # a tie goes to the earlier epoch
            with learner.eval_weights():
                self.state.best = {name: value.cpu().clone() for name, value in learner.model.state_dict().items()}
        row = at.epoch_row(measured, learner.counts.skipped, "average" if self.recipe.ema else "last")
        at.end_epoch(row, at.fall.after(measured.loss, self.recipe))
        self.writer.end_epoch(self.state)

    def _score(self, split: "HeldOut", meter: ConfusionMeter | None = None) -> Score:
        """Score the weights that are saved, every image on one rank; a signal to any of them ends it."""
        learner, group = self.state.learner, self.group
        with learner.eval_weights():
            group.broadcast_tensors(learner.model.buffers())
            batches, observe = (meter.batches(split), meter.update) if meter else (split, ignore_batch)
            mine = accumulate_counts(
                learner.model, self._checking_signals(batches), learner.prepare, self.recipe.compute, observe
            )
        self.forwarder.forward()
        said = group.all_gather((mine, len(split), self.writer.signals.number, unread_in(self.feed)))
        parts, planned, signals, unread = zip(*said, strict=True)
        self.state.unread = merge_unread((self.state.unread, *unread))
        if any(signals):
            raise ReceivedSignal
        found = combine_counts(parts, sum(planned))
        if found.score.images != found.total:
            self.notice(f"scored {found.score.images} of {found.total} images")
        return found.score

    def _checking_signals(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Let a signal end an evaluation; several ranks stop after it, since they have not all as many batches."""
        for batch in batches:
            if self.group.share.ranks == 1:
                self.writer.signals.check()
            yield batch

    def stop(self) -> Exception:
        """Save, and return what to raise."""
        self.forwarder.forward()
        number = int(max(self.group.all_gather(self.writer.signals.number or 0)))
        return self.group.broadcast_from_rank0(lambda: self.writer.save_and_stop(self.state, number))

    def finish(self) -> T:
        """Score the last weights on the test split and hand everything over."""
        test, detailed = self.group.broadcast_from_rank0(lambda: (self.writer.saved_test_score(), self.writer.detailed))
        meter = ConfusionMeter() if detailed and test is None else None
        test = test or self._score(self.feed.test, meter)
        found = meter.compute(self.group) if meter else None
        self.state.learner.finish()
        self.group.broadcast_tensors(self.state.learner.model.buffers())
        return self.group.broadcast_from_rank0(lambda: self.writer.finish(self.state, test, found))
