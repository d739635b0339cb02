"""Class activation maps of a network's own guesses: Grad-CAM, Selvaraju et al., arXiv 1610.02391, equations 1 and 2.

    alpha_k = 1/Z sum_ij dy / dA_k(i, j)                                (eq. 1)
    L = ReLU(sum_k alpha_k A_k)                                         (eq. 2)

A is the network's last map, y the logit of the class that it guesses. Both are computed by the package `grad-cam`.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from senet.errors import UsageError
from senet.excitation.images.maps import rounded_rows
from senet.excitation.summary import SpatialMaps
from senet.inference.classifier import Classifier
from senet.inference.forward import to_memory_format
from senet.insertion.example_input import preserve_state
from senet.insertion.trace.dataflow import Dataflow
from senet.insertion.trace.graph import Graph, TensorNode
from senet.insertion.trace.record import trace


@dataclass(frozen=True, eq=False)
class ActivationMaps:
    """Class activation maps.

    Args:
        layer: Name of the module that returns the map A.
        maps: (B, h, w) at the resolution of A, each over its largest value, so in 0..1; zeros where nothing speaks for
            the class.
        guesses: Number of the class that each is of, (B,).
    """

    layer: str
    maps: Tensor
    guesses: Tensor


def add_activation_maps(
    found: Sequence[SpatialMaps], classifier: Classifier, images: Tensor, classes: Sequence[str]
) -> tuple[tuple[SpatialMaps, ...], tuple[str, ...]]:
    """Put class activation maps beside the maps of the same images, or say why there are none.

    Args:
        found: Of each image.
        classifier: Model and input.
        images: (B, C, H, W) uint8, of the transform's size.
        classes: What the model's outputs are called; one that is not named goes by its number.

    Returns:
        The maps, and what a reader has to know of them.
    """
    try:
        found_maps = activation_maps(classifier, images)
    except UsageError as error:
        return tuple(found), (": ".join(line for line in ("no class activation maps", error.what, error.do) if line),)
    named = (classes[guess] if guess < len(classes) else str(guess) for guess in found_maps.guesses.tolist())
    beside = zip(found, found_maps.maps, named, strict=True)
    note = f"class activation maps are Grad-CAM's, of the network's own guess, in float32, at {found_maps.layer}"
    return tuple(replace(maps, activation=rounded_rows(cam), guess=guess) for maps, cam, guess in beside), (note,)


def activation_maps(classifier: Classifier, images: Tensor) -> ActivationMaps:
    """Return the class activation maps of a model's own guesses.

    In float32, whatever the model's precision. The model is as before afterwards: hooks, gradients, `requires_grad`,
    modes, buffers.

    Args:
        classifier: Model and input.
        images: (B, C, H, W) uint8, of the transform's size.

    Raises:
        UsageError: The package is not installed, the network has no map of more than one position, or no gradient
            reaches it.
    """
    grad_cam, model = _package(), classifier.model
    device = next(model.parameters()).device
    prepared = to_memory_format(classifier.transform.normalise(images.to(device)), classifier.compute)
    name = last_map_layer(model, prepared[:1])
    layer = model.get_submodule(name)
    with _without_gradients(model), torch.autocast(device.type, enabled=False), _graph_from(layer):
        raw, guesses = _grad_cam(grad_cam, model, layer, prepared)
    return ActivationMaps(name, _over_largest(raw.clamp(min=0)), guesses)


def _over_largest(maps: Tensor) -> Tensor:
    largest = maps.amax((1, 2), keepdim=True)
    return maps / torch.where(largest > 0, largest, 1.0)


def _grad_cam(package: Any, model: nn.Module, layer: nn.Module, prepared: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum in equation 2 before its ReLU, (B, h, w), and the guesses, (B,).

    What the package returns by itself is resized to the image and stretched from its least value, so what it holds by
    then is asked for the sum alone.
    """
    # A copy of the map: what follows may write to it in place, as the ReLU of torchvision's DenseNet does.
    cam = package.GradCAM(model, [layer], reshape_transform=torch.clone)
    held = cam.activations_and_grads
    try:
        cam(prepared, None)
        # The last run of a layer that ran several times: gradients are put in the order of the runs.
        raw = cam.get_cam_image(prepared, layer, None, held.activations[-1].numpy(), held.gradients[-1].numpy())
        return torch.from_numpy(raw), cam.outputs.detach().argmax(1).cpu()
    except Exception as error:  # a user's forward may cut the gradient anywhere, which ends in any error here
        what = f"grad-cam fails, {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise UsageError(
            what, do="the forward must let gradients through: no torch.no_grad() or detach() in it"
        ) from error
    finally:
        held.release()


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it imports, matplotlib and others
            import pytorch_grad_cam
    except ImportError as error:
        what = f"the package grad-cam cannot be imported ({error})"
        raise UsageError(what, do="pip install 'senet[cam]'") from error
    return pytorch_grad_cam


@contextlib.contextmanager
def _without_gradients(model: nn.Module) -> Iterator[None]:
    """Let no parameter take a gradient, and keep those that are there from the package, which clears them."""
    before = [(parameter, parameter.requires_grad, parameter.grad) for parameter in model.parameters()]
    with preserve_state(model), torch.enable_grad():
        try:
            for parameter, _, _ in before:
                parameter.requires_grad_(False)
                parameter.grad = None
            yield
        finally:
            for parameter, required, gradient in before:
                parameter.requires_grad_(required)
                parameter.grad = gradient


@contextlib.contextmanager
def _graph_from(layer: nn.Module) -> Iterator[None]:
    """Begin the graph of autograd at what a layer returns: nothing before it has to be kept."""

    def begin(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return output.detach().requires_grad_().clone()  # a leaf cannot be written to in place

    with layer.register_forward_hook(begin):
        yield


def last_map_layer(model: nn.Module, example: Tensor) -> str:
    """Name the module that returns the last map of a network, the outermost of those that return the same.

    The last that the output was made from, of more than one channel and more than one position. In a network of senet
    that is its last stage, or, where the head convolves before it averages, the last layer of that.

    Args:
        model: (B, C, H, W) -> (B, classes).
        example: A batch of its input.

    Raises:
        UsageError: The model cannot run on it, or no module returns such a map.
    """
    graph = trace(model, example)
    found = [value for value in _before_output(graph) if _is_wide(value) and any(value.ends)]
    if not found:
        what = f"no module of {type(model).__name__} returns a map with more than one position"
        raise UsageError(what, do="a larger image may leave one")
    return next(name for name in reversed(found[-1].ends) if name)


def _before_output(graph: Graph) -> tuple[TensorNode, ...]:
    """Return what the output was made from, in the order of computation; all there is where it is no tensor."""
    flow, output = Dataflow(graph), graph.calls[""].returned
    return tuple(value for value in graph.values if output is None or flow.depends(output, value))


def _is_wide(value: TensorNode) -> bool:
    return value.is_map and len(value.shape) == 4 and value.shape[1] > 1 and value.shape[2] * value.shape[3] > 1
