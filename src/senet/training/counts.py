"""Which step it is, and what went otherwise than planned so far."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Moment:
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
class Counts:
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
