"""What a training run is asked for, and what it leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from torch import Tensor

from senet.data.unused import Unused
from senet.inference.score import Score
from senet.metadata import NO_METADATA, Metadata
from senet.training.recipe.recipe import Recipe
from senet.training.recipe.validate import require_at_least
from senet.training.writer.metrics import EpochRow

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.loader.feed import Feed

# Writes weights: tensors by name, the path, and what travels with them, as senet.weights.write_state does.
WriteWeights = Callable[[Mapping[str, Tensor], Path, Metadata], object]


@dataclass(frozen=True)
class TrainingJob:
    """A run.

    Args:
        recipe: How to train.
        seed: Of order, augmentation, mixing and in-model randomness; initial weights are the caller's.
        folder: Written to: run.json, results.csv, metrics.jsonl, result.json, weights/, checkpoints/.
        metadata: Travels with the weights: what builds the network again; classes and input transform are the feed's.
        save_every: Steps between two checkpoints; each epoch ends with one in any case. 0: none in between.
        resume: Whether to continue what the folder holds.
        allow: Keys that may differ from the run that is continued, such as ``recipe.lr``.
        resume_line: The command that continues the run, for the message after Ctrl-C.
        fresh: Names of parameters, or of modules that hold them, that have no trained weights beside the inserted
            blocks, such as ``("fc",)``. ``()``: nothing but the blocks is fresh. None: the whole network is.
        origin: Where the recipe's precision comes from, in words, for run.json.
        facts: What run.json and the report say beside that, JSON-ready: ``title``, ``command``,
            ``parameters``, ``multiply_adds``.
    """

    recipe: Recipe
    seed: int
    folder: Path
    metadata: Metadata = NO_METADATA
    save_every: int = 0
    resume: bool = False
    allow: frozenset[str] = frozenset()
    resume_line: str = "run the same command again with --resume"
    fresh: tuple[str, ...] | None = None
    origin: str = "given"
    facts: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_at_least("save_every", self.save_every, 0)


def data_name(source: str) -> str:
    """Return what weights say of the data that they were trained on: of a path its last name alone."""
    kind, colon, path = source.partition(":")
    return f"{kind}{colon}{PurePath(path).name}"


def with_input(metadata: Metadata, feed: "Feed") -> Metadata:
    """Return what travels with weights, with what is said of the data and of their input."""
    return replace(
        metadata, data=data_name(feed.name), classes=tuple(feed.classes), input_transform=feed.transform.to_dict()
    )


def with_epoch(metadata: Metadata, seed: int, row: EpochRow) -> Metadata:
    """Return what travels with weights, with the epoch that they are of."""
    averaged, accuracy = row.weights == "average", row.validation_top1
    return replace(metadata, seed=seed, epoch=row.epoch, validation_accuracy=accuracy, averaged=averaged)


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run leaves.

    Args:
        rows: One per epoch, as in results.csv.
        best: The first epoch of the highest validation accuracy.
        test: The last weights' score on the test split; the one to report.
        last: File of the last weights (the average, where the recipe has one).
        best_weights: File of the best epoch's.
        unused: What of the data was not used, images that could not be read among it.
    """

    rows: tuple[EpochRow, ...]
    best: EpochRow
    test: Score
    last: Path
    best_weights: Path
    unused: tuple[Unused, ...] = ()
