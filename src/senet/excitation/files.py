"""What was found, as tables for a spreadsheet or a script."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from senet.excitation.summary import QUANTILES, Excitation, GateSummary
from senet.files import csv_text, write_text
from senet.text import csv_cell

GATES = ("gate", "weighs", "values", "low", "high", "not_finite", "mean", "saturated_low", "saturated_high", "constant")
LEARNED = ("specificity", "specificity_low", "specificity_high", "redundancy", "effective_rank")
VALUES = ("gate", "value", "group", "images", "mean", "deviation", *(f"quantile_{share:g}" for share in QUANTILES))


def write_tables(found: Excitation, folder: Path) -> list[Path]:
    """Write ``gates.csv``, a row for each gate, and ``values.csv``, one for each value and group; return their paths.

    Raises:
        ResourceError: They cannot be written.
    """
    gates, values = folder / "gates.csv", folder / "values.csv"
    write_text(gates, csv_text((*GATES, *LEARNED), map(_gate, found.gates)))
    write_text(values, csv_text(VALUES, (row for gate in found.gates for row in _values(found, gate))))
    return [gates, values]


def _gate(gate: GateSummary) -> list[object]:
    about = [csv_cell(gate.name), gate.kind, " x ".join(map(str, gate.shape))]
    numbers = (gate.low, gate.high, gate.mean, gate.saturated_low, gate.saturated_high, gate.constant)
    low, high, *shares = map(number, numbers)
    specific = gate.specificity
    learned = map(number, (specific.value, specific.low, specific.high, gate.redundancy, gate.rank))
    return [*about, low, high, gate.not_finite, *shares, *learned]


def _values(found: Excitation, gate: GateSummary) -> Iterator[list[object]]:
    """Yield a row for each value: a channel, a position ``row:column`` or a branch's channel, ``branch:channel``."""
    names = [":".join(map(str, place)) for place in product(*map(range, gate.shape))]
    for group, profile in zip(found.groups, gate.profiles, strict=True):
        quantiles = profile.quantiles or [(float("nan"),) * len(names)] * len(QUANTILES)
        for name, *row in zip(names, profile.mean, profile.deviation, *quantiles, strict=True):
            yield [csv_cell(gate.name), name, csv_cell(group.name), profile.images, *map(number, row)]


def number(value: float) -> str:
    """Return six digits, ``n/a`` where there is no number."""
    return "n/a" if value != value else f"{value:.6g}"
