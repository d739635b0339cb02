"""The released ``.caffemodel`` files of the authors of SENet and SKNet: layers and blobs become our tensors."""

import torch
from torch import Tensor

from senet.errors import WeightsError
from senet.metadata import Metadata
from senet.weights.files.read import LoadedStateDict
from senet.weights.sources.caffe_names import CaffeLayer, caffe_layers
from senet.weights.sources.dialect import Dialect, TranslatedStateDict

NORMS = ("BatchNorm", "Scale", "CuDNNBatchNorm")

METADATA = Metadata(
    # The mean's order shows that the channels are blue, green, red, as OpenCV reads them.
    input_transform={"channel_order": "BGR", "range": 255, "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 1.0)},
    class_order="the authors' own, ILSVRC2017_val.txt in github.com/hujie-frank/SENet, not sorted by WordNet id",
)


def translate(state: LoadedStateDict, network: str) -> TranslatedStateDict:
    """Collect every layer that the network's released file has; what is left over keeps its name.

    Raises:
        UsageError: No file of the network was released.
        WeightsError: A layer is of another type, lacks a blob, or its statistics cannot be: a variance that is
            negative, or that is zero throughout, which was never trained or was read wrongly.
    """
    tensors: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    left = dict(state.tensors)
    for layer in caffe_layers(network):
        _check_type(layer, state)
        blobs = [left.pop(f"{layer.name}.blobs.{i}", None) for i in range(len(layer.keys))]
        for i, (key, value) in enumerate(_named(layer, blobs, state)):
            tensors[key], origin[key] = value, f"{layer.name}.blobs.{i}"
    dead = [key for key, value in tensors.items() if key.endswith("running_var") and not torch.count_nonzero(value)]
    if dead:
        raise WeightsError(f"the variance of {dead[0]} and {len(dead) - 1} more is zero throughout", where=state.where)
    return TranslatedStateDict(tensors | left, origin | {name: name for name in left})


def _check_type(layer: CaffeLayer, state: LoadedStateDict) -> None:
    found = state.layer_types.get(layer.name, layer.type)  # a layer that is missing is reported with the others
    if found != layer.type:
        raise WeightsError(f"layer {layer.name} is a {found}, in the released file a {layer.type}", where=state.where)


def _named(layer: CaffeLayer, blobs: list[Tensor | None], state: LoadedStateDict) -> list[tuple[str, Tensor]]:
    if layer.type == "BatchNorm":
        blobs = _unscaled(layer, blobs, state)
    named = zip(layer.keys, blobs, strict=True)
    shaped = [(key, _shaped(key, value, layer)) for key, value in named if key is not None and value is not None]
    for key, value in shaped:
        if key.endswith("running_var") and not bool((value >= 0).all()):
            raise WeightsError(f"layer {layer.name} has a negative variance", where=state.where, do="fetch it again")
    return shaped


def _unscaled(layer: CaffeLayer, blobs: list[Tensor | None], state: LoadedStateDict) -> list[Tensor | None]:
    """Divide mean and variance by the factor by which Caffe keeps them; 0 means that nothing was gathered."""
    *statistics, factor = blobs
    if factor is None and all(value is None for value in statistics):
        return blobs  # the whole layer is missing, which is reported with the others
    if factor is None or factor.numel() != 1 or not float(factor) >= 0:
        found = "missing" if factor is None else f"{factor.flatten()[:3].tolist()}, not one positive number"
        raise WeightsError(f"layer {layer.name}: the factor of mean and variance is {found}", where=state.where)
    scale = 0.0 if float(factor) == 0 else 1.0 / float(factor)
    return [None if value is None else value.double() * scale for value in statistics] + [None]


def _shaped(key: str, value: Tensor, layer: CaffeLayer) -> Tensor:
    if layer.type in NORMS or key.endswith(".bias"):
        return value.flatten()  # (1, C, 1, 1) in SKNet's files
    if layer.type == "InnerProduct" and value.ndim == 4:
        return value.flatten(0, 2)  # (1, 1, N, K) in old files
    return value


RELEASED = Dialect("the authors' Caffe files", (r"\.blobs\.\d+$",), translate, "caffe", metadata=METADATA)

DIALECTS = (RELEASED,)
