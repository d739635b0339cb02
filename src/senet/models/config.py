"""What builds a model: its name, its classes, and for ours geometry and attention; read from users and from files."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import nn

import senet
from senet.insertion import blocks
from senet.metadata import Metadata
from senet.models.name import Name
from senet.models.record import Record, grouped, record_text
from senet.networks import Network
from senet.weights.fitting import AS_THE_WEIGHTS, Choice
from senet.weights.save import describe as describe_network

Factory = Callable[[], nn.Module]


@dataclass(frozen=True)
class ModelConfig:
    """A model, before weights are in it.

    Args:
        name: Whose it is.
        choice: Of a network of ours: attention in its own slots, geometry, classes, input channels; of any other the
            classes, where they are not the source's own number.
        head: Path of the classifier that was replaced, in a model of a user's own.
        factory: Makes the model, in the place of its function.
    """

    name: Name
    choice: Choice = AS_THE_WEIGHTS
    head: str | None = None
    factory: Factory | None = None


def describe(model: nn.Module, config: ModelConfig) -> Metadata:
    """Return what has to travel with a model's weights so that :func:`senet.load` builds it again.

    Args:
        model: Trained or not; blocks that :func:`senet.insertion.insert` put in are found.
        config: That it was built from.

    Raises:
        UsageError: A block whose spec text cannot name.
    """
    groups = grouped(blocks(model).values())
    record = Record(
        senet=senet.__version__,
        source=str(config.name),
        classes=config.choice.num_classes,
        head=config.head,
        sha256="",
        blocks=groups,
    )
    if config.name.kind != "senet" or not isinstance(model, Network):  # a function may have changed one of ours
        return Metadata(record=record_text(record))
    return replace(describe_network(model), record=record_text(record) if groups else None)
