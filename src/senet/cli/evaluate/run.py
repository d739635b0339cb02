"""Open weights and data, and score them: alone, or as one of several ranks of which the first speaks."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from senet.cli.common.evaluation_data import EvaluateRequest, EvaluationSplit, open_evaluation_split
from senet.cli.common.notes import note, notes_on_stderr
from senet.cli.common.progress_bars import image_progress_bar
from senet.data.labels.labels import Labels
from senet.data.unused import Unused, joined, say, unreadable
from senet.distributed.consistency import require_alike
from senet.distributed.process_group import Team
from senet.errors import WeightsError
from senet.inference.classified import Classified
from senet.inference.evaluation import ignore, score_split
from senet.inference.score import Evaluated
from senet.inference.tally import Tally
from senet.models.load import LoadedModel
from senet.training.job import travelling

TRAINED_ON = "these may be its training images; --val-fraction, as in training, selects those held out"


@dataclass(frozen=True)
class EvaluationResult:
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
    found: Evaluated
    classified: Classified
    seconds: float
    unused: tuple[Unused, ...] = ()

    @property
    def data(self) -> str:
        """Source and split."""
        return ", ".join(filter(None, (self.source, self.part)))


def run_evaluate(load: Callable[[], LoadedModel], read: Callable[[], EvaluateRequest], team: Team) -> EvaluationResult:
    """Score; every rank gets the numbers of all, and rank 0 prints notes and shows how far it is.

    Args:
        load: Opens the weights; it may leave notes.
        read: Says which data; it may leave notes.
        team: The ranks.

    Raises:
        SenetError: Weights or data cannot be read or do not fit, or ranks have not the same.
    """
    first = team.share.rank == 0
    with notes_on_stderr() if first else nullcontext():
        loaded, labels, scored = team.node_by_node(lambda: _opened(read(), load))
        if team.share.ranks > 1:
            require_alike(team, {"data": scored.fingerprint()}, loaded.classifier.model)
        with image_progress_bar() if first else nullcontext(ignore) as watch:
            tally, began = Tally(), time.monotonic()
            found = score_split(loaded.classifier, scored.split, watch, team, tally)
        classified = tally.joined(team)
        unread = unreadable(joined(team.everyone({scored.part: sorted(scored.split.unread)})))
        say(unread)
    seconds = time.monotonic() - began
    return EvaluationResult(
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
    if scored.part in ("", "train") and loaded.metadata.data == travelling(request.source.name):
        note(f"the weights were trained on {loaded.metadata.data}: {TRAINED_ON}")
    return loaded, loaded.labels, scored
