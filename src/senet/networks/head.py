"""The classifier at the end of a network's head: found by what it is, left out, and made anew."""

from itertools import chain

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.networks.init import initialise


def classifier_prefix(model: nn.Module) -> str:
    """Return the prefix of the classifier's names, ``head.fc.``: the last linear layer or convolution of the head.

    An ``nn.Identity`` counts, since one stands where the classifier was left out. A head that has none of them, or is
    the classifier itself, has the prefix ``head.``.
    """
    layers = model.get_submodule("head").named_modules(prefix="head")
    names = [name for name, layer in layers if isinstance(layer, nn.Linear | nn.Conv2d | nn.Identity)]
    return f"{names[-1]}." if names else "head."


def classifier_layer(model: nn.Module) -> nn.Module:
    """Return the layer that :func:`classifier` names; the head itself where it has none."""
    return model.get_submodule(classifier_prefix(model).removesuffix("."))


def classifier_widths(model: nn.Module) -> tuple[int, int]:
    """Channels that the classifier takes and classes that it tells apart; zeros where there is none."""
    layer = classifier_layer(model)
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return (layer.in_channels, layer.out_channels) if isinstance(layer, nn.Conv2d) else (0, 0)


def forward_pre_logits(model: nn.Module, x: Tensor) -> Tensor:
    """Run the head up to its classifier.

    Args:
        model: Its head is a sequence of layers, of which the classifier is one.
        x: The last stage's map, (B, C, H, W).

    Returns:
        What enters the classifier: (B, num_features), or a map of as many channels in a dense network.

    Raises:
        UsageError: The classifier is not one of the head's own layers.
    """
    layers = dict(model.get_submodule("head").named_children())
    last = classifier_prefix(model).split(".")[1]
    if not isinstance(model.get_submodule("head"), nn.Sequential) or f"head.{last}." != classifier_prefix(model):
        raise UsageError(
            "pre_logits=True needs a head that is a sequence of layers with the classifier among them",
            do="build the head as nn.Sequential, or run its parts yourself",
        )
    for name in list(layers)[: list(layers).index(last)]:
        x = layers[name](x)
    return x


def reset_classifier(model: nn.Module, features: int, num_classes: int) -> None:
    """Put another classifier in the place of a network's, in place; the papers' initialisation, from torch's generator.

    It is of the same kind, on the same device and of the same dtype, or the trunk's where there was none.

    Args:
        model: Any network.
        features: Channels that enter the classifier.
        num_classes: 0 leaves it out: an ``nn.Identity`` in its place.

    Raises:
        UsageError: A negative number of classes, or a head without a classifier.
    """
    if num_classes < 0:
        raise UsageError(f"num_classes={num_classes} must be at least 0", do="0 leaves the classifier out")
    old = classifier_layer(model)
    if not isinstance(old, nn.Linear | nn.Conv2d | nn.Identity):
        raise UsageError(
            f"the head has no linear layer or 1x1 convolution to replace, it is a {type(old).__name__}",
            do="replace model.head by one that ends in a classifier",
        )
    new = _made(model, old, features, num_classes) if num_classes else nn.Identity()
    model.set_submodule(classifier_prefix(model).removesuffix("."), new.train(old.training))


def _made(model: nn.Module, old: nn.Module, features: int, num_classes: int) -> nn.Module:
    parameters = chain(old.parameters(), model.parameters())
    like = next((p for p in parameters if p.is_floating_point()), torch.empty(0))
    bias = isinstance(old, nn.Identity) or old.bias is not None
    if _takes_a_map(model, old):
        return initialise(nn.Conv2d(features, num_classes, 1, bias=bias, device=like.device, dtype=like.dtype))
    return initialise(nn.Linear(features, num_classes, bias, like.device, like.dtype))


def _takes_a_map(model: nn.Module, old: nn.Module) -> bool:
    """Say whether the classifier is a 1x1 convolution: a dense network's head is the one that flattens nothing."""
    if isinstance(old, nn.Identity):  # of its kind nothing is left
        return not any(isinstance(layer, nn.Flatten) for layer in model.get_submodule("head").modules())
    return isinstance(old, nn.Conv2d)
