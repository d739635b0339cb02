"""What is asked for to train: a name, attention and where it goes, and what the model begins with."""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from senet.insertion import places
from senet.insertion.insert import Init
from senet.models.factory.head import ImageShape
from senet.networks.network import Geometry
from senet.utils.one_or_many import as_tuple
from senet.weights.load import KeepOrNew

AS_IT_IS = "published"


@dataclass(frozen=True)
class Placement:
    """Where attention goes.

    Args:
        where: ``standard``, for a network of ours its own slots; or a strategy or glob of :func:`senet.insert`.
        stages: Numbered as in the paper, 2 is the first after the stem; all if None.
        last: Whether the last of those stages has it.
    """

    where: str = "standard"
    stages: tuple[int, ...] | None = None
    last: bool = True

    def __post_init__(self) -> None:
        if self.stages is not None:
            object.__setattr__(self, "stages", as_tuple("stages", self.stages, int))  # JSON and TOML have lists


STANDARD = Placement()


@dataclass(frozen=True)
class StartConfig:
    """What a model begins with beside its name.

    Args:
        weights: As :func:`senet.load_weights` takes them, or a folder of :func:`~senet.models.save_inserted`; None
            for random ones.
        head: ``new`` puts a fresh classifier in the place of the weights', for other classes.
        init: Of blocks that are inserted; None is ``preserve`` where the rest is trained, else ``paper``.
        geometry: Of a network of ours; None is the weights', else the row's.
        raw: Take the raw weights where the file has an average of them, too, which loads otherwise.
    """

    weights: str | None = None
    head: KeepOrNew = "keep"
    init: Init | None = None
    geometry: Geometry | None = None
    raw: bool = False

    def resolved(self) -> "StartConfig":
        """Return it with the whole path of its weights, so that it can be begun from any folder."""
        if self.weights is None or not Path(self.weights).exists():
            return self
        return replace(self, weights=str(Path(self.weights).resolve()))


RANDOM = StartConfig()


@dataclass(frozen=True)
class ModelRequest:
    """A model to train.

    Args:
        network: As :func:`~senet.models.read_name` reads it.
        attention: ``published``: what the network has of its own; ``none``; or a spec, which fills the slots of a
            network of ours that begins with random weights and is inserted into any other.
        placement: Where a spec goes: standard places, or others, which networks of ours are inserted at too.
        start: Weights, classifier, initialisation and geometry.
        seed: Of random weights.
    """

    network: str
    attention: str = AS_IT_IS
    placement: Placement = STANDARD
    start: StartConfig = RANDOM
    seed: int = 0


def resolve_stages(placement: Placement, plain: nn.Module, image: ImageShape) -> Placement:
    """Return a placement that names its stages, if it is one without the last of them.

    Args:
        placement: Any.
        plain: The network without attention, which tells what the stages are.
        image: Channels, height and width.
    """
    if placement.last:
        return placement
    units = [place for place in places(plain, (1, *image)) if place.kind != "conv"]
    found = {place.stage for place in units if place.strategy == placement.where and place.stage is not None}
    return replace(placement, stages=tuple(sorted(placement.stages or found)[:-1]), last=True)
