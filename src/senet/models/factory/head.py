"""The classifier of any model: found by running it once, and replaced by one for other classes."""

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.image_size import image_size_remedy
from senet.insertion.example_input import preserve_state
from senet.networks import Network
from senet.networks.head import classifier_prefix

ImageShape = tuple[int, int, int]


def find_classifier(model: nn.Module, image: ImageShape) -> str:
    """Return the path of the layer that makes the logits: the last linear layer or 1x1 convolution that runs.

    Args:
        model: (B, C, H, W) -> (B, classes).
        image: Channels, height and width that it takes.

    Raises:
        UsageError: It does not take such images, or its last layer has not as many outputs as the model.
    """
    if isinstance(model, Network):
        return classifier_prefix(model).removesuffix(".")
    ran: list[tuple[str, int]] = []

    def note(name: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim >= 2:
            ran.append((name, output.shape[1] if _is_linear(model.get_submodule(name)) else 0))

    handles = [
        module.register_forward_hook(lambda _, args, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    try:
        logits = require_runs_on(model, image)
    finally:
        for handle in handles:
            handle.remove()
    if not ran or not isinstance(logits, Tensor) or ran[-1][1] != logits.shape[1]:
        raise UsageError(
            f"{type(model).__name__} does not end in a linear layer that makes its logits: its classifier is not known",
            do="name a function of your own, FILE.py:FUNCTION, that builds it with the data's number of classes",
        )
    return ran[-1][0]


def num_outputs(model: nn.Module, name: str) -> int:
    """Return how many outputs a classifier has.

    Args:
        model: Any.
        name: Path of the classifier.
    """
    return next(model.get_submodule(name).parameters()).shape[0]


def require_runs_on(model: nn.Module, image: ImageShape) -> object:
    """Return what a network makes of an image.

    Raises:
        UsageError: It does not take it.
    """
    like = next(parameter for parameter in model.parameters() if parameter.is_floating_point())
    try:
        with preserve_state(model):
            logits: object = model(torch.zeros(1, *image).to(like))
    except Exception as error:  # a model of somebody's may raise anything
        shape, what = "x".join(map(str, image)), str(error).partition("\n")[0]
        do = image_size_remedy(model, image) or "take another network"
        raise UsageError(f"the network does not take images of {shape}: {what}", do=do) from error
    return logits


def _is_linear(layer: nn.Module | None) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Whether a layer is linear, or a convolution that is: another one would change more than its classes."""
    if isinstance(layer, nn.Conv2d):
        return (layer.kernel_size, layer.stride, layer.groups) == ((1, 1), (1, 1), 1)
    return isinstance(layer, nn.Linear)


def replace_classifier(model: nn.Module, name: str, classes: int) -> None:
    """Put a fresh layer for so many classes in the place of a classifier, in place; of torch's own initialisation.

    Args:
        model: Any.
        name: Path of the classifier.
        classes: Outputs.

    Raises:
        UsageError: There is no linear layer or 1x1 convolution of that name.
    """
    old = dict(model.named_modules()).get(name)
    if not _is_linear(old):
        raise UsageError(f"{type(model).__name__} has no classifier {name!r}")
    bias = old.bias is not None
    if isinstance(old, nn.Linear):
        new: nn.Module = nn.Linear(old.in_features, classes, bias)
    else:
        new = nn.Conv2d(old.in_channels, classes, 1, bias=bias)
    new = new.to(device=old.weight.device, dtype=old.weight.dtype).train(old.training)
    model.set_submodule(name, new)
