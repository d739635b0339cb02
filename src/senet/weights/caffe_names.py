"""The weights of the nine released Caffe files: their layers in the files' order, and our name of every blob.

    caffe_layers(name: str) -> list[CaffeLayer]          name is ours, a key of RELEASED

    CaffeLayer  name    as released: "conv2_1_1x1_down"
                type    as released: "Convolution", "BatchNorm", "Scale", "CuDNNBatchNorm" or "InnerProduct"
                prefix  of our module: "stage2.0.attention.fc1"
                blobs   in the file's order
    CaffeBlob   key     in our state dict: "stage2.0.attention.fc1.weight"; None for the factor of a BatchNorm
                shape   in the file: (16, 256, 1, 1)

A blob has the values of our tensor in its order; only the shape may differ (``reshape``): the files have 1x1
convolutions for linear layers and (1, C, 1, 1) for the norms of SKNet. Layers without weights are left out.

github.com/hujie-frank/SENet: a ``BatchNorm`` layer has mean, variance and a factor by which both are to be
*divided* (0 means that nothing was gathered: mean and variance are then 0), and a ``Scale`` layer follows with
scale and bias; both have the prefix of one batch norm of ours. github.com/implus/SKNet: a ``CuDNNBatchNorm``
has scale, bias, mean and variance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from senet.errors import UsageError, nearest
from senet.networks import create
from senet.weights.caffe_released import RELEASED, LayerType, Row

__all__ = ["RELEASED", "CaffeBlob", "CaffeLayer", "LayerType", "caffe_layers"]


@dataclass(frozen=True)
class CaffeBlob:
    """One array of a layer; ``key`` is None where we keep nothing of the kind."""

    key: str | None
    shape: tuple[int, ...]


@dataclass(frozen=True)
class CaffeLayer:
    """One layer with weights."""

    name: str
    type: LayerType
    prefix: str
    blobs: tuple[CaffeBlob, ...]


def caffe_layers(name: str) -> list[CaffeLayer]:
    """List the layers of the released file of a network, which has 3 input channels and 1,000 classes.

    Args:
        name: Of our network, a key of :data:`RELEASED`.

    Raises:
        UsageError: No file of it was released.
    """
    if name not in RELEASED:
        raise UsageError(f"no Caffe file of {name!r} was released", do=nearest(name, RELEASED))
    with torch.device("meta"):
        model = create(name)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    return [_layer(row, shapes) for row in RELEASED[name].rows(model)]


def _layer(row: Row, shapes: dict[str, tuple[int, ...]]) -> CaffeLayer:
    name, prefix, kind = row
    return CaffeLayer(name, kind, prefix, tuple(_BLOBS[kind](prefix, shapes)))


def _weight_and_bias(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[CaffeBlob]:
    yield CaffeBlob(f"{prefix}.weight", shapes[f"{prefix}.weight"])
    if f"{prefix}.bias" in shapes:
        yield CaffeBlob(f"{prefix}.bias", shapes[f"{prefix}.bias"])


def _convolution(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[CaffeBlob]:
    weight, *bias = _weight_and_bias(prefix, shapes)
    yield CaffeBlob(weight.key, (*weight.shape, 1, 1)[:4])
    yield from bias


def _batch_norm(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[CaffeBlob]:
    for role in ("running_mean", "running_var"):
        yield CaffeBlob(f"{prefix}.{role}", shapes[f"{prefix}.{role}"])
    yield CaffeBlob(None, (1,))


def _cudnn_batch_norm(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[CaffeBlob]:
    for role in ("weight", "bias", "running_mean", "running_var"):
        yield CaffeBlob(f"{prefix}.{role}", (1, *shapes[f"{prefix}.{role}"], 1, 1))


_BLOBS: dict[LayerType, Callable[[str, dict[str, tuple[int, ...]]], Iterator[CaffeBlob]]] = {
    "Convolution": _convolution,
    "InnerProduct": _weight_and_bias,
    "Scale": _weight_and_bias,
    "BatchNorm": _batch_norm,
    "CuDNNBatchNorm": _cudnn_batch_norm,
}
