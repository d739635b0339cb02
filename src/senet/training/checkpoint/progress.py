"""Where a run stands, and what went otherwise than planned so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from senet.inference.score import Score
from senet.training.step.lr_schedule import NO_DROPS, PlateauState
from senet.training.writer.metrics import EpochRow


@dataclass(frozen=True)
class StepId:
    """A step of a run.

    Args:
        seed: Of the run.
        epoch: From 1.
        step: Of the epoch, from 1.
    """

    seed: int
    epoch: int
    step: int

    def __str__(self) -> str:
        return f"epoch {self.epoch}, step {self.step}"


@dataclass
class StepCounts:
    """What went otherwise than planned.

    Args:
        overflows: Steps that the loss scale left out.
        non_finite: Steps left out because their loss or gradient was not finite.
        in_a_row: Overflows since the last step that was taken.
        scales: (epoch, step, scale) wherever the loss scale changed.
    """

    overflows: int = 0
    non_finite: int = 0
    in_a_row: int = 0
    scales: list[tuple[int, int, float]] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """Steps that moved no weight; the schedule does not advance on them."""
        return self.overflows + self.non_finite


@dataclass
class TrainProgress:
    """Counters and what they have measured so far: with the seed, all that randomness depends on.

    Args:
        epoch: The current one, from 1; one more than there are when the run is complete.
        step: Steps of this epoch that are done.
        steps: Of the whole run.
        loss_sum: Of this epoch, over the images of the steps that were taken.
        images: Of those steps.
        lr: Of the last step.
        fall: What plateaus have taken off the learning rate.
        rows: Of the epochs that are over.
    """

    epoch: int = 1
    step: int = 0
    steps: int = 0
    loss_sum: float = 0.0
    images: int = 0
    lr: float = 0.0
    fall: PlateauState = NO_DROPS
    rows: list[EpochRow] = field(default_factory=list)

    @property
    def best(self) -> EpochRow | None:
        """The first epoch of the highest validation accuracy."""
        return max(self.rows, key=lambda row: row.validation_top1, default=None)

    def count_step(self, loss: float | None, images: int, lr: float) -> None:
        """Count a step; one that was left out has no loss."""
        self.step, self.steps, self.lr = self.step + 1, self.steps + 1, lr
        if loss is not None:
            self.loss_sum, self.images = self.loss_sum + loss * images, self.images + images

    def epoch_row(self, measured: Score, skipped: int, weights: str) -> EpochRow:
        """Return what the epoch has measured.

        Args:
            measured: On the validation split.
            skipped: Steps of the whole run so far that moved no weight.
            weights: Which were evaluated.
        """
        return EpochRow(
            epoch=self.epoch,
            steps=self.steps,
            lr=self.lr,
            loss=self.loss_sum / max(self.images, 1),
            validation_loss=measured.loss,
            validation_top1=measured.top1,
            validation_top5=measured.top5,
            validation_images=measured.images,
            skipped=skipped,
            weights=weights,
        )

    def end_epoch(self, row: EpochRow, fall: PlateauState) -> None:
        """End the epoch."""
        self.rows.append(row)
        self.epoch, self.step, self.loss_sum, self.images, self.fall = self.epoch + 1, 0, 0.0, 0, fall


def stop_message(number: int, at: TrainProgress) -> str:
    """Say which signal stopped a run, and where."""
    return f"stopped by signal {number} at epoch {at.epoch}, step {at.step}"


def from_dict(values: Mapping[str, Any]) -> TrainProgress:
    """Read what ``dataclasses.asdict`` made of a position."""
    rows = [EpochRow(**row) for row in values["rows"]]
    return TrainProgress(**{**values, "fall": PlateauState(**values["fall"]), "rows": rows})
