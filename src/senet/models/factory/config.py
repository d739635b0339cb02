"""What builds a model, and what it is: its name, its classes, its attention; as files say it and in words."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

import senet
from senet.attention import to_dict
from senet.errors import UsageError
from senet.insertion import blocks
from senet.insertion.places.survey import survey
from senet.metadata import Metadata
from senet.models.factory.head import ImageShape
from senet.models.factory.name import ModelName
from senet.models.saved.block_records import group_blocks
from senet.models.saved.record import ModelRecord, record_text
from senet.networks import Network
from senet.weights.infer_network import AS_THE_WEIGHTS, NetworkOptions

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

    name: ModelName
    choice: NetworkOptions = AS_THE_WEIGHTS
    head: str | None = None
    factory: Factory | None = None


def model_metadata(model: nn.Module, config: ModelConfig) -> Metadata:
    """Return what has to travel with a model's weights so that :func:`senet.load` builds it again.

    Args:
        model: Trained or not; blocks that :func:`senet.insertion.insert` put in are found.
        config: That it was built from.

    Raises:
        UsageError: A block whose spec text cannot name; a network of ours that ``create()`` did not make.
    """
    groups = group_blocks(blocks(model).values())
    record = ModelRecord(
        senet=senet.__version__,
        source=str(config.name),
        classes=config.choice.num_classes,
        head=config.head,
        sha256="",
        blocks=groups,
    )
    if config.name.kind != "senet" or not isinstance(model, Network):  # a function may have changed one of ours
        return Metadata(record=record_text(record))
    if model.spec is None:
        raise UsageError("the network has no name", do="make it with senet.create()")
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    return Metadata(
        network=model.name,
        attention=to_dict(model.spec.attention),
        geometry=model.spec.geometry,
        num_classes=model.num_classes,
        in_channels=first.in_channels,
        record=record_text(record) if groups else None,
    )


def title(model: nn.Module, name: ModelName) -> str:
    """Return a model's name and its attention: ``torchvision:resnet18 with SE() inserted``."""
    said = attention_text(model)
    return f"{name.title} with {said}" if said else name.title


def attention_text(model: nn.Module, image: ImageShape | None = None) -> str:
    """Name the attention in a model; empty where it has none.

    Args:
        model: Any.
        image: Channels, height and width that it takes; without it attention that others built in is not seen.
    """
    spec = model.spec if isinstance(model, Network) else None
    own = [str(spec.attention)] if spec is not None and spec.attention is not None else []
    inserted = dict.fromkeys(str(block.spec) for block in blocks(model).values())
    parts = [*own, *(f"{spec} inserted" for spec in inserted)]
    if not parts and image is not None and not isinstance(model, Network):
        parts = ["attention of its own"] if survey(model, (1, *image)).attention else []
    return ", ".join(parts)
