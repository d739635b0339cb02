"""A gate's numbers as text, the same in the figure's tooltips and in the table."""

from collections.abc import Callable
from dataclasses import dataclass

from senet.excitation.page.report_words import number, share
from senet.study.gates.values import GateOverSeeds, MeanAndRange

HEADINGS = (
    *("Values", "Specificity", "Saturated", "At its lower end", "At its upper end"),
    *("Mean", "Constant", "Rank", "Images left out", "Seeds"),
)


@dataclass(frozen=True)
class GateCell:
    """One number of a gate.

    Args:
        text: As it is shown.
        value: What a column of it is sorted by; None where the text itself is.
    """

    text: str
    value: float | None = None


def gate_cells(gate: GateOverSeeds) -> list[GateCell]:
    """Return what there is to say of a gate over its seeds, one for each of :data:`HEADINGS`."""
    shares = gate.specificity, gate.saturated, gate.saturated_low, gate.saturated_high
    return [
        GateCell(f"{' x '.join(map(str, gate.shape))} {gate.kind}"),
        *(_share(share) for share in shares),
        GateCell(range_text(gate.mean, number), gate.mean.mean),
        _share(gate.constant),
        GateCell(range_text(gate.rank, "{:.1f}".format), gate.rank.mean),
        GateCell(f"{gate.not_finite:,}", gate.not_finite),
        GateCell(_seeds(gate), gate.n),
    ]


def _share(over: MeanAndRange) -> GateCell:
    return GateCell(range_text(over, share), over.mean)


def range_text(over: MeanAndRange, shown: Callable[[float], str]) -> str:
    """Return ``36.6% [31.0%, 42.2%]``, mean and range over seeds; the mean alone of one seed, n/a of none."""
    if over.mean is None or over.low is None or over.high is None:
        return "n/a"
    between = f" [{shown(over.low)}, {shown(over.high)}]" if over.n > 1 else ""
    return shown(over.mean) + between


def _seeds(gate: GateOverSeeds) -> str:
    """Return how many seeds; where not all have a specificity, how many do."""
    n = gate.specificity.n
    return str(gate.n) if n == gate.n else f"{gate.n}, {n} of them with a specificity"
