"""From the gates of trials to those of variants: mean and range over seeds."""

from collections.abc import Callable, Sequence
from statistics import fmean

from senet.study.gates.values import (
    GateOverSeeds,
    MeanAndRange,
    StudyGates,
    TrialGate,
    TrialGates,
    UncollectedTrial,
    VariantGates,
)
from senet.study.plan import Trial
from senet.utils.text import counted

TrialAndGates = tuple[Trial, TrialGates]


def aggregate_gates(
    variants: Sequence[str], seen: Sequence[TrialAndGates], not_seen: tuple[UncollectedTrial, ...] = ()
) -> StudyGates:
    """Put together what the gates of a study learned.

    Args:
        variants: Names, in the plan's order.
        seen: The trials that were looked at.
        not_seen: Those that could not be.
    """
    by_name = {name: [pair for pair in seen if pair[0].variant == name] for name in variants}
    return StudyGates(
        images=max((found.images for _, found in seen), default=0),
        classes=max((found.classes for _, found in seen), default=0),
        variants=tuple(_variant(name, own) for name, own in by_name.items() if own),
        not_seen=not_seen,
    )


def _variant(name: str, seen: list[TrialAndGates]) -> VariantGates:
    every = [found for _, found in seen]
    by_gate: dict[str, list[TrialGate]] = {}
    for found in every:
        for gate in found.gates:
            by_gate.setdefault(gate.name, []).append(gate)
    silent = tuple(dict.fromkeys(block for found in every for block in found.silent))
    return VariantGates(name, len(seen), tuple(map(_gate, by_gate.values())), silent, _notes(seen))


def _gate(gates: list[TrialGate]) -> GateOverSeeds:
    def over(number: Callable[[TrialGate], float | None]) -> MeanAndRange:
        return mean_and_range([number(gate) for gate in gates])

    first = gates[0]
    return GateOverSeeds(
        *(first.name, first.kind, first.shape, len(gates), sum(gate.not_finite for gate in gates)),
        mean=over(lambda gate: gate.mean),
        saturated=over(lambda gate: gate.saturated),
        saturated_low=over(lambda gate: gate.saturated_low),
        saturated_high=over(lambda gate: gate.saturated_high),
        constant=over(lambda gate: gate.constant),
        specificity=over(lambda gate: gate.specificity),
        rank=over(lambda gate: gate.rank),
    )


def mean_and_range(values: Sequence[float | None]) -> MeanAndRange:
    """Return mean and range of the values that there are."""
    known = [value for value in values if value is not None]
    return (
        MeanAndRange(fmean(known), min(known), max(known), len(known)) if known else MeanAndRange(None, None, None, 0)
    )


def _notes(seen: list[TrialAndGates]) -> tuple[str, ...]:
    """Return each note once, with the seeds that it is of where it is not of all."""
    seeds: dict[str, list[int]] = {}
    for trial, found in seen:
        for note in found.notes:
            seeds.setdefault(note, []).append(trial.seed)
    return tuple(note if len(of) == len(seen) else f"{note} ({_named(of)})" for note, of in seeds.items())


def _named(seeds: list[int]) -> str:
    shown = ", ".join(map(str, seeds[:5])) + (", ..." if len(seeds) > 5 else "")
    return f"{counted(len(seeds), 'seed')}: {shown}"
