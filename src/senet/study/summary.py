"""What a study found, as values: the table's rows, the verdicts and the trials behind them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from senet.data.unused import Unread, Unused
from senet.page.head import Verdict
from senet.study.gates.values import StudyGates


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; the ends are None where the data cannot give one.

    Args:
        mean: Of the sample.
        low: Lower end, or None.
        high: Upper end, or None.
    """

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """One variant against the baseline, paired by seed.

    Args:
        difference: Mean paired difference and its simultaneous interval, in points of accuracy.
        p: Corrected for all comparisons of the study; None where there is no test (fewer than two pairs).
        pairs: Number of seeds that both finished.
        spread: Standard deviation of the paired differences, in points; None where they have none.
    """

    difference: Interval
    p: float | None
    pairs: int
    spread: float | None = None


@dataclass(frozen=True)
class StudyHeading:
    """What a study is called.

    Args:
        name: Of a paper's ablation, or of the file that says what is compared; empty for a comparison without one.
        question: What it asks; empty if nothing is to be said.
        command: That asked for it, as a shell takes it; empty if none is known.
    """

    name: str = ""
    question: str = ""
    command: str = ""


NO_HEADING = StudyHeading()


@dataclass(frozen=True)
class TrialResult:
    """One finished trial.

    Args:
        key: Content address of the trial.
        variant: The variant's name, as the user wrote it.
        seed: Pairs trials across variants.
        accuracy: Of the last epoch's weights on the test split, in percent.
        best_epoch: Epoch (from 1) of the best validation accuracy; its weights are saved.
        validation: Validation accuracy after each epoch, in percent.
        loss: Mean training loss of each epoch.
        seconds: Wall time of the training; of an interrupted trial, since it went on.
        command: The ``senet train`` command that trains it again, to the same weights.
        unread: Images that it could not read, by split.
    """

    key: str
    variant: str
    seed: int
    accuracy: float
    best_epoch: int
    validation: tuple[float, ...]
    loss: tuple[float, ...]
    seconds: float
    command: str = ""
    unread: Unread = field(default_factory=dict)

    @property
    def best_validation(self) -> float | None:
        """Validation accuracy of the weights that were saved, None where none was measured."""
        return self.validation[self.best_epoch - 1] if 0 < self.best_epoch <= len(self.validation) else None


@dataclass(frozen=True)
class VariantRow:
    """One line of the table.

    Args:
        variant: The variant's name.
        n: Finished trials.
        accuracy: Mean test accuracy in percent with its 95% Student-t interval.
        comparison: Against the baseline; None for the baseline itself.
        parameters: Of the variant's network.
        multiply_adds: Of one image, convolutions and linear layers.
        latency_ms: Median forward time of one image, or None when it was not measured.
        train_seconds: Median wall time of a trial.
        uncounted: What multiply-adds lack, a sentence; empty if nothing.
    """

    variant: str
    n: int
    accuracy: Interval
    comparison: Comparison | None
    parameters: int
    multiply_adds: int
    latency_ms: float | None
    train_seconds: float
    uncounted: str = ""


@dataclass(frozen=True)
class LeftOutTrial:
    """A trial that no number of the study counts.

    Args:
        variant: The variant's name.
        seed: Of the trial.
        kind: ``missing`` has not run yet, ``failed`` and ``diverged`` ran and gave no score, ``unlike`` has a
            score of other data, code, hardware or settings.
        reason: What happened or what differs, a sentence.
    """

    variant: str
    seed: int
    kind: Literal["missing", "failed", "diverged", "unlike"]
    reason: str


@dataclass(frozen=True)
class PublishedRow:
    """A paper's own number for a variant: shown beside ours, in no statistic of ours.

    Args:
        variant: The study's name for it.
        network: That the paper trained.
        figure: What was measured, for instance ``top-1 error, %``.
        value: As printed.
        source: Paper and table.
    """

    variant: str
    network: str
    figure: str
    value: float
    source: str


@dataclass(frozen=True)
class Summary:
    """Everything that the table and the report show.

    Args:
        title: For instance ``resnet8 on digits``.
        rows: Baseline first, then the variants in the plan's order.
        verdicts: What the evidence supports.
        trials: In the plan's order.
        settings: Resolved settings of the study, nested dicts of plain values.
        environment: Versions and hardware, plain values.
        left_out: Trials of the plan, or of its folder, that are not averaged in.
        published: The paper's rows, where the study is one of a paper's ablations.
        order: Variants in the order of what the study varies (reductions, stages), for a curve over them;
            empty where they have no order.
        gates: What the gates of its variants learned; None where nobody asked.
        unused: What of the data was not used, images that no trial, or not every one, could read among it.
        heading: What the study is called.
        notes: What a reader should know of how the variants began and were trained.
    """

    title: str
    rows: tuple[VariantRow, ...]
    verdicts: tuple[Verdict, ...]
    trials: tuple[TrialResult, ...]
    settings: dict[str, Any]
    environment: dict[str, Any]
    left_out: tuple[LeftOutTrial, ...] = ()
    published: tuple[PublishedRow, ...] = ()
    order: tuple[str, ...] = ()
    gates: StudyGates | None = None
    unused: tuple[Unused, ...] = ()
    heading: StudyHeading = NO_HEADING
    notes: tuple[str, ...] = ()
