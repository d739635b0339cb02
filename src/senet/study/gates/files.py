"""What was found of a trial's gates, in a file of its own: written whole or not at all, read where it is there."""

import json
from dataclasses import asdict
from pathlib import Path

from senet.errors import SenetError
from senet.files import write_text
from senet.strict import strictly
from senet.study.gates.values import TrialGates
from senet.study.outcome import read_record
from senet.study.plan import Trial

# Raise it when what is found of the same weights changes: files of before are then made anew.
VERSION = 1


def gates_path(folder: Path, trial: Trial) -> Path:
    """Where it lies."""
    return folder / "excitation" / f"{trial.key}.json"


def write_gates(folder: Path, trial: Trial, found: TrialGates) -> None:
    """Keep what was found."""
    record = {"trial": trial.key, "version": VERSION, "weights": "best validation epoch", "split": "test"}
    text = json.dumps({**record, "found": asdict(found)}, indent=1, allow_nan=False)
    write_text(gates_path(folder, trial), text + "\n")


def read_gates(folder: Path, trial: Trial) -> TrialGates | None:
    """Return what was found; None where nothing is, or what no longer reads: the weights tell it again."""
    try:
        record = read_record(gates_path(folder, trial)) or {}
        return strictly(TrialGates, record["found"]) if record.get("version") == VERSION else None
    except (SenetError, KeyError, TypeError):
        return None
