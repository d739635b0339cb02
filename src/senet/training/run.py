"""train(): a run that survives whatever happens to its process, and continues to the same byte."""

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from senet.data import generator
from senet.errors import DataError, DivergedError, UsageError
from senet.files import require_writable
from senet.training.agree import agreed
from senet.training.counts import Moment
from senet.training.elsewhere import Elsewhere, Written
from senet.training.job import Job, Silent, Trained, Watcher, WriteWeights
from senet.training.learner import Learner
from senet.training.lock import exclusive
from senet.training.memory import advice_on_memory
from senet.training.outputs import Outputs
from senet.training.position import Position
from senet.training.records import Row
from senet.training.relay import Relay
from senet.training.resume import resumed, standing
from senet.training.schedule import learning_rate
from senet.training.scorer import Scorer
from senet.training.signals import Received, Signals
from senet.training.surgery import prepare_network
from senet.training.team import ALONE, Team

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import Feed


def train(
    model: nn.Module,
    feed: "Feed",
    job: Job,
    write_weights: WriteWeights,
    watch: Watcher | None = None,
    team: Team = ALONE,
) -> Trained:
    """Train a model in place and leave its weights, its measurements and its checkpoints in the job's folder.

    On one machine, with the same versions and threads, a run that is killed and resumed ends with the same bytes
    as one that is not. Sets torch's number of threads.

    Args:
        model: (B, C, H, W) -> (B, classes), initialised, on the device to train on.
        feed: Yields batches; of several ranks, this one's slices.
        job: What to do, and where.
        write_weights: Writes the weights of the last and of the best epoch, ``senet.weights.write_state``.
        watch: Is told what happens, on rank 0.
        team: The ranks that train together (:func:`senet.training.ranks.joining.joined`); each calls this function.

    Raises:
        UsageError: The folder holds another run, another process works in it, or ranks are not alike.
        WeightsError: No checkpoint of the run is whole.
        DivergedError: Loss or gradient is not finite; checkpoints are those from before.
        ResourceError: The disk or the memory is full; checkpoints are those from before.
        StoppedError: A signal came; the state is saved.
    """
    team.from_first(lambda: require_writable(job.folder))
    torch.set_num_threads(job.recipe.threads)
    about = {"classes": list(feed.classes), "input_transform": feed.transform.to_dict()}
    job = replace(job, about={**about, **job.about})
    with ExitStack() as stack:
        team.from_first(lambda: stack.enter_context(exclusive(job.folder)))
        signals = stack.enter_context(Signals())
        who = agreed(model, feed, job, team)
        first = team.share.rank == 0
        outputs = Outputs(job, who, write_weights, watch or Silent()) if first else Elsewhere()
        run = Run(model, feed, job, outputs, signals, stack.enter_context(Relay(team)))
        try:
            while run.at.epoch <= job.recipe.epochs:
                run.train_epoch()
                run.close_epoch()
            return run.finish()
        except Received:
            raise run.stop() from None


class Run:
    """The run's parts: learner, position, outputs."""

    def __init__(
        self, model: nn.Module, feed: "Feed", job: Job, outputs: Written, signals: Signals, relay: Relay
    ) -> None:
        self.feed, self.job, self.outputs, self.signals, self.relay = feed, job, outputs, signals, relay
        self.team = team = relay.team
        notice = outputs.watch.notice
        saved = team.from_first(outputs.saved)
        prepare_network(model, job.recipe, team.share.ranks)
        self.learner = Learner(model, job.recipe, len(feed.classes), feed.transform.normalise, team)
        self.scorer = Scorer(self.learner, feed.transform.normalise, signals, relay, notice)
        self.at, self.best_state = resumed(saved, self.learner) if saved else (Position(), {})
        if saved:
            notice(standing(self.at, job.recipe, self.lr()))
        if feed.test is feed.validation:
            notice("there are no test images: the score will be of those that choose the best epoch")
        outputs.begin(self.at, job.recipe.epochs * feed.steps_per_epoch, feed)

    def train_epoch(self) -> None:
        """Take the steps of the current epoch that are not taken yet."""
        at, seed = self.at, self.job.seed
        self.learner.begin_epoch(at.epoch)
        if at.step == self.feed.steps_per_epoch:  # stopped while it was measured
            return
        for images, targets in self.feed.train_batches(seed, at.epoch, at.step):
            began = time.monotonic()
            whole = self._whole(len(images))
            self.learner.lr = self.lr()
            loss = self._step(images, targets, Moment(seed, at.epoch, at.step + 1), whole)
            at.stepped(loss, whole, self.learner.lr)
            self.outputs.stepped(at, loss, whole, time.monotonic() - began)
            if self.job.save_every and at.steps % self.job.save_every == 0 and at.step < self.feed.steps_per_epoch:
                self.outputs.save(self.learner, at, self.best_state)
        if at.step < self.feed.steps_per_epoch:
            what = f"the feed ended after {at.step} of {self.feed.steps_per_epoch} steps"
            raise DataError(what, where=f"epoch {at.epoch}", do="run senet data check")

    def _whole(self, images: int) -> int:
        """Return the images of all ranks' slices of a batch; a signal to any of them stops them all here."""
        whole, signalled = self.team.total([images, self.signals.number or 0])
        if signalled:
            raise Received
        self._require_batch(int(whole))
        return int(whole)

    def _require_batch(self, images: int) -> None:
        """Refuse a feed of other batches than the recipe's: the last one of an epoch alone may differ."""
        asked, at = self.job.recipe.batch_size, self.at
        if at.step + 1 < self.feed.steps_per_epoch and images != asked:
            mine = self.feed.sample_ids(self.job.seed, at.epoch, at.step)  # with images that were left out
            planned = int(self.team.total([len(mine)])[0])
            if planned != asked:
                raise UsageError(f"the feed's batches have {planned} images, but the recipe says batch_size={asked}")
        if images == asked + 1 and at.epoch == 1:
            self.outputs.watch.notice("an epoch's last image joins the batch before it: norms cannot train on one")

    def lr(self) -> float:
        """Return the learning rate of the next step; the schedule does not advance on steps left out."""
        taken = (self.at.epoch - 1) * self.feed.steps_per_epoch + self.at.step - self.learner.counts.skipped
        factor = self.at.fall.factor(self.job.recipe)
        return learning_rate(self.job.recipe, max(taken, 0) / self.feed.steps_per_epoch) * factor

    def _step(self, images: Tensor, targets: Tensor, moment: Moment, whole: int) -> float | None:
        """Seed dropout and its like by the step, so that a run can be entered at any; name what went wrong."""
        rank, ranks = self.team.share.rank, self.team.share.ranks
        key = (moment.seed, "model", moment.epoch, moment.step, *([rank] if rank else []))
        torch.manual_seed(generator(*key).initial_seed())
        try:
            with advice_on_memory(self.job.recipe, str(moment)):
                return self.learner.step(images, targets, moment, len(images) * ranks / whole)
        except DivergedError as error:
            found = self.team.everyone(self.feed.sample_ids(moment.seed, moment.epoch, moment.step - 1))
            samples = ", ".join(name for mine in found for name in mine[: 8 // ranks + 1 if ranks > 1 else 8])
            raise DivergedError(error.what, where=f"{error.where}; samples {samples}, ...", do=error.do) from error

    def close_epoch(self) -> None:
        """Measure the epoch, keep the best weights, write everything down."""
        at, recipe, model = self.at, self.job.recipe, self.learner.model
        measured = self.scorer.score(self.feed.validation)
        if at.best is None or measured.top1 > at.best.validation_top1:  # a tie goes to the earlier epoch
            with self.learner.evaluated():
                self.best_state = {name: value.cpu().clone() for name, value in model.state_dict().items()}
        row = Row(
            epoch=at.epoch,
            steps=at.steps,
            lr=at.lr,
            loss=at.loss_sum / max(at.images, 1),
            validation_loss=measured.loss,
            validation_top1=measured.top1,
            validation_top5=measured.top5,
            validation_images=measured.images,
            skipped=self.learner.counts.skipped,
            weights="average" if recipe.ema else "last",
        )
        at.close(row, at.fall.after(measured.loss, recipe))
        self.outputs.closed(self.learner, at, self.best_state)

    def stop(self) -> Exception:
        """Save, and return what to raise."""
        self.relay.pass_on()
        number = int(max(self.team.everyone(self.signals.number or 0)))
        return self.team.from_first(lambda: self.outputs.stopped(self.learner, self.at, self.best_state, number))

    def finish(self) -> Trained:
        """Score the last weights on the test split and write them."""
        test = self.team.from_first(self.outputs.tested) or self.scorer.score(self.feed.test)
        self.learner.finish()
        self.team.alike(self.learner.model.buffers())
        return self.team.from_first(lambda: self.outputs.finish(self.learner, self.at, self.best_state, test))
