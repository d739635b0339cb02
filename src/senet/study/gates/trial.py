"""Record the gates of one finished trial, and keep them in a file beside its result."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from senet.attention import from_dict
from senet.data import Feed
from senet.data.loader.feed import HeldOut
from senet.errors import SenetError
from senet.excitation.collect import CollectedGates, NoGatesError, NumberedBatch, collect
from senet.excitation.excite import notes_of
from senet.excitation.statistics import Statistics
from senet.excitation.statistics.specificity import summarise_gate
from senet.excitation.summary import GateSummary
from senet.inference.classifier import Classifier
from senet.models.start.adapt_feed import adapt_feed
from senet.study.gates.values import TrialGate, TrialGates
from senet.study.plan import Trial
from senet.study.trials.result_files import read_record
from senet.study.variant import Variant
from senet.utils.dataclass_io import dataclass_from_dict
from senet.utils.files import write_text
from senet.weights.files.read import read_weights


def collect_trial_gates(trial: Trial, feed: Feed, weights: Path) -> TrialGates:
    """Run a trial's best weights over the test images, and return what the gates do; no gates where it has none.

    Args:
        trial: Finished.
        feed: Of its data, for its recipe's views.
        weights: That it left.

    Raises:
        SenetError: The network cannot be built again, or the weights are not its.
    """
    classifier = load_classifier(trial, feed, weights)
    try:
        return _trial_gates(collect(classifier, numbered_feed(feed.test), Statistics(len(feed.classes))))
    except NoGatesError:
        return TrialGates(0, len(feed.classes), ())


def load_classifier(trial: Trial, feed: Feed, weights: Path) -> Classifier:
    """Build a trial's network as it was built to be trained, with its best weights, its input and its precision."""
    variant = Variant(from_dict(trial.attention, imports=True), trial.placement)
    begun = variant.begin(trial.network, trial.start, feed, trial.seed)
    begun.model.load_state_dict(read_weights(weights).tensors)
    return Classifier(begun.model.float().eval(), adapt_feed(begun, feed)[0].transform, trial.recipe.compute)


def numbered_feed(split: HeldOut) -> Iterator[NumberedBatch]:
    """Yield a split's batches with numbers of the images, in the order in which they are read."""
    seen = 0
    for images, labels in split:
        yield images, labels, torch.arange(seen, seen + len(labels))
        seen += len(labels)


def _trial_gates(found: CollectedGates) -> TrialGates:
    return TrialGates(
        images=found.statistics.images,
        classes=found.statistics.classes,
        gates=tuple(_gate(summarise_gate(gate)) for gate in found.statistics.gates.values()),
        silent=found.silent,
        notes=tuple(notes_of(found)),
    )


def _gate(found: GateSummary) -> TrialGate:
    specificity = found.specificity
    return TrialGate(
        name=found.name,
        kind=found.kind,
        shape=found.shape,
        not_finite=found.not_finite,
        mean=_number(found.mean),
        saturated_low=_number(found.saturated_low),
        saturated_high=_number(found.saturated_high),
        constant=_number(found.constant),
        specificity=_number(specificity.value),
        specificity_low=_number(specificity.low),
        specificity_high=_number(specificity.high),
        rank=_number(found.rank),
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
        return dataclass_from_dict(TrialGates, record["found"]) if record.get("version") == VERSION else None
    except (SenetError, KeyError, TypeError):
        return None
