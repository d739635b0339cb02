"""What is kept of a trial's gates, and what is said of a variant's over its seeds; None where there is no number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrialGate:
    """One gate of one trial; see :class:`senet.excitation.summary.GateSummary` for what the numbers are.

    Args:
        name: Of the module that computes it.
        kind: What it weighs: ``channels``, ``positions``, ``branches``, or ``context``, which is added.
        shape: Of its values for one image.
        not_finite: Images left out since a value of theirs is NaN or infinite.
        mean: Of all values of all images.
        saturated_low: Share of all values near the lower end of the range; None where there is no such end.
        saturated_high: Near the upper end.
        constant: Share of the values that are the same for every image.
        specificity: Share of the variance over images that lies between classes; None where nothing varies.
        specificity_low: Lower end of its 95% interval.
        specificity_high: Upper end.
        rank: Effective rank of the values over images.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    not_finite: int
    mean: float | None
    saturated_low: float | None
    saturated_high: float | None
    constant: float | None
    specificity: float | None
    specificity_low: float | None
    specificity_high: float | None
    rank: float | None

    @property
    def saturated(self) -> float | None:
        """Share of all values at either end; None where no end is known."""
        ends = [share for share in (self.saturated_low, self.saturated_high) if share is not None]
        return sum(ends) if ends else None


@dataclass(frozen=True)
class TrialGates:
    """What the gates of a trial's best weights do on the test images.

    Args:
        images: That were seen; 0 where there is no gate to look at.
        classes: Of the data.
        gates: In the order in which they run.
        silent: Names of attention blocks that did not run.
        notes: What a reader has to know, one sentence each.
    """

    images: int
    classes: int
    gates: tuple[TrialGate, ...]
    silent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeanAndRange:
    """A number over the seeds that have it.

    Args:
        mean: Over them; None where no seed has it.
        low: The smallest.
        high: The largest.
        n: Seeds that have it.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class GateOverSeeds:
    """A gate of a variant, over its seeds; numbers are those of :class:`TrialGate`.

    Args:
        name: Of the module that computes it.
        kind: What it weighs.
        shape: Of its values for one image.
        n: Seeds in which it was looked at.
        not_finite: Images left out, of all seeds.
        mean: Of its values.
        saturated: Share at either end of its range.
        saturated_low: Share at the lower end.
        saturated_high: Share at the upper end.
        constant: Share of its values that no image moves.
        specificity: Of the classes.
        rank: Effective rank.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    n: int
    not_finite: int
    mean: MeanAndRange
    saturated: MeanAndRange
    saturated_low: MeanAndRange
    saturated_high: MeanAndRange
    constant: MeanAndRange
    specificity: MeanAndRange
    rank: MeanAndRange


@dataclass(frozen=True)
class VariantGates:
    """The gates of a variant.

    Args:
        variant: Its name.
        n: Trials that were looked at.
        gates: In the order in which they run; empty where it has none.
        silent: Names of attention blocks that did not run.
        notes: What a reader has to know, one sentence each, with the seeds that it is of.
    """

    variant: str
    n: int
    gates: tuple[GateOverSeeds, ...]
    silent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class UncollectedTrial:
    """A finished trial whose gates could not be recorded.

    Args:
        variant: Its variant's name.
        seed: Of the trial.
        reason: A sentence.
    """

    variant: str
    seed: int
    reason: str


@dataclass(frozen=True)
class StudyGates:
    """What the gates of a study learned: of each trial, the weights of its best validation epoch.

    Args:
        images: Of the test split that were seen.
        classes: Of the data.
        variants: That were looked at, in the plan's order.
        not_seen: Finished trials that no number here counts.
    """

    images: int
    classes: int
    variants: tuple[VariantGates, ...]
    not_seen: tuple[UncollectedTrial, ...] = ()
