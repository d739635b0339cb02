"""Open weights and data, and score them: alone, or as one of several ranks of which the first speaks."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from senet.cli.common.evaluation_data import EvaluateRequest, EvaluationSplit, open_evaluation_split
from senet.cli.common.notes import note, notes_on_stderr
from senet.cli.common.progress_bars import image_progress_bar
from senet.data.labels.labels import Labels
from senet.data.unused import Unused, merge_unread, unreadable_records, warn_unused
from senet.distributed.consistency import require_same_on_all_ranks
from senet.distributed.process_group import ProcessGroup
from senet.errors import WeightsError
from senet.inference.confusion_matrix import ConfusionMatrix
from senet.inference.confusion_meter import ConfusionMeter
from senet.inference.evaluation import ignore_progress, score_split
from senet.inference.score import EvaluationResult
from senet.models.load import LoadedModel
from senet.training.job import data_name

TRAINED_ON = "these may be its training images; --val-fraction, as in training, selects those held out"


@dataclass(frozen=True)
class EvaluateReport:
    """What was scored, and the score.

    Args:
        loaded: The weights.
        labels: What their outputs mean.
        source: The data.
        part: Which split of it; empty where it has none.
        found: On the shares of all ranks.
        classified: What the images were taken for.
        seconds: That it took.
        unused: What of the data was not scored.
    """

    loaded: LoadedModel
    labels: Labels
    source: str
    part: str
    found: EvaluationResult
    classified: ConfusionMatrix
    seconds: float
    unused: tuple[Unused, ...] = ()

    @property
    def data(self) -> str:
        """Source and split."""
        return ", ".join(filter(None, (self.source, self.part)))


def run_evaluate(
    load: Callable[[], LoadedModel], read: Callable[[], EvaluateRequest], group: ProcessGroup
) -> EvaluateReport:
    """Score; every rank gets the numbers of all, and rank 0 prints notes and shows how far it is.

    Args:
        load: Opens the weights; it may leave notes.
        read: Says which data; it may leave notes.
        group: The ranks.

    Raises:
        SenetError: Weights or data cannot be read or do not fit, or ranks have not the same.
    """
    first = group.share.rank == 0
    with notes_on_stderr() if first else nullcontext():
        loaded, labels, scored = group.local_rank0_first(lambda: _opened(read(), load))
        if group.share.ranks > 1:
            require_same_on_all_ranks(group, {"data": scored.fingerprint()}, loaded.classifier.model)
        with image_progress_bar() if first else nullcontext(ignore_progress) as watch:
            meter, began = ConfusionMeter(), time.monotonic()
            found = score_split(loaded.classifier, scored.split, watch, group, meter)
        classified = meter.compute(group)
        unread = unreadable_records(merge_unread(group.all_gather({scored.part: sorted(scored.split.unread)})))
        warn_unused(unread)
    seconds = time.monotonic() - began
    return EvaluateReport(
        loaded, labels, scored.name, scored.part, found, classified, seconds, (*scored.unused, *unread)
    )


def _opened(request: EvaluateRequest, load: Callable[[], LoadedModel]) -> tuple[LoadedModel, Labels, EvaluationSplit]:
    loaded = load()  # after the flags were understood: it takes seconds
    if loaded.labels is None:
        raise WeightsError(
            "the weights have no class names",
            where=loaded.where,
            do="pass --classes FILE.json: a list of class names in the order of the outputs",
        )
    scored = open_evaluation_split(request, loaded.transform, loaded.labels)
    if scored.part in ("", "train") and loaded.metadata.data == data_name(request.source.name):
        note(f"the weights were trained on {loaded.metadata.data}: {TRAINED_ON}")
    return loaded, loaded.labels, scored
