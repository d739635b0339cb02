"""Score a split in the middle of a run: with the weights that are saved, by all ranks, and a signal ends it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from senet.training.evaluation import Score, added, tallies
from senet.training.learner import Learner
from senet.training.relay import Relay
from senet.training.signals import Received, Signals

if TYPE_CHECKING:  # it imports torchvision
    from senet.data.feed import HeldOut


class Scorer:
    """Scores the weights that are evaluated and saved, every image on one rank.

    Args:
        learner: Whose network it is.
        normalise: Brings a batch to what the network takes.
        signals: Are looked at between batches.
        relay: Passes on what ranks say of images that cannot be read.
        notice: Is told where a score is of fewer images than the split has.
    """

    def __init__(
        self,
        learner: Learner,
        normalise: Callable[[Tensor], Tensor],
        signals: Signals,
        relay: Relay,
        notice: Callable[[str], None],
    ) -> None:
        self.learner, self.normalise, self.signals, self.relay, self.notice = learner, normalise, signals, relay, notice

    def score(self, split: "HeldOut") -> Score:
        """Return the score of a split.

        Raises:
            Received: A signal came.
        """
        model, recipe, team = self.learner.model, self.learner.recipe, self.relay.team
        with self.learner.evaluated():
            team.alike(model.buffers())
            mine = tuple(tallies(model, self._polled(split), self.normalise, recipe))
        self.relay.pass_on()
        parts, planned, signals = zip(*team.everyone((mine, len(split), self.signals.number)), strict=True)
        if any(signals):
            raise Received
        measured = added(tally for part in parts for tally in part).score()
        if measured.images != sum(planned):
            self.notice(f"the score is of {measured.images} of {sum(planned)} images")
        return measured

    def _polled(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Let a signal end an evaluation; several ranks stop after it, since they have not all as many batches."""
        for batch in batches:
            if self.relay.team.share.ranks == 1:
                self.signals.check()
            yield batch
