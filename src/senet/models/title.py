"""What a model is, in words: whose it is, and the attention in it."""

from torch import nn

from senet.insertion import blocks
from senet.insertion.places import survey
from senet.models.head import Image
from senet.models.name import Name
from senet.networks import Network


def title(model: nn.Module, name: Name) -> str:
    """Return a model's name and its attention: ``torchvision:resnet18 with SE() inserted``."""
    said = attention_in(model)
    return f"{name.title} with {said}" if said else name.title


def attention_in(model: nn.Module, image: Image | None = None) -> str:
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
