"""What the report's template shows of a study's gates."""

from typing import Any

from senet.study.gates.values import StudyGates, VariantGates
from senet.study.gates.words import HEADINGS, gate_cells
from senet.study.report.gate_figure import MANY_GATES
from senet.study.summary import Summary
from senet.utils.text import counted


def gate_template_values(summary: Summary) -> dict[str, Any]:
    """Return the template's values; those of a study whose gates nobody asked for are empty."""
    found = summary.gates
    variants = found.variants if found else ()
    return {
        "gates": found,
        "strip_keys": [f"gates-{place}" for place in range(len(summary.rows))],
        "widest": max((len(one.gates) for one in variants), default=0),
        "many_gates": MANY_GATES,
        "gate_headings": list(HEADINGS),
        "gate_cells": gate_cells,
        "gate_notes": _notes(found) if found else [],
    }


def _notes(found: StudyGates) -> list[str]:
    """Return what else a reader has to know, variant by variant, and the trials that are not counted."""
    told = [f"{one.variant}: {note}" for one in found.variants for note in _of(one)]
    return told + [f"{one.variant}, seed {one.seed}, is not counted: {one.reason}" for one in found.not_seen]


def _of(found: VariantGates) -> list[str]:
    without = [] if found.gates or found.silent else [f"no gate, in {counted(found.n, 'trial')}"]
    silent = f"{counted(len(found.silent), 'attention block')} did not run: {', '.join(found.silent)}"
    # A study may have a gate for each of a hundred units: the table has the numbers of each.
    spoilt = [gate for gate in found.gates if gate.not_finite]
    left = "images are left out whose values are NaN or infinite, in " + counted(len(spoilt), "gate")
    return [*without, *([silent] if found.silent else []), *([left] if spoilt else []), *found.notes]
