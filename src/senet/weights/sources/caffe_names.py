"""The weights of the nine released Caffe files: their layers in the files' order, and our name of every blob.

    caffe_layers(name: str) -> list[CaffeLayer]          name is ours, a key of RELEASED

github.com/hujie-frank/SENet has seven, github.com/implus/SKNet two. A blob has the values of our tensor in its order;
only the shape may differ (``reshape``): the files have 1x1 convolutions for linear layers and (1, C, 1, 1) for the
norms of SKNet. Layers without weights are left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from senet.errors import UsageError, did_you_mean
from senet.networks import Network, create

LayerType = Literal["Convolution", "BatchNorm", "Scale", "CuDNNBatchNorm", "InnerProduct"]
Row = tuple[str, str, LayerType]  # the released name, our prefix, the type

# What the blobs of a layer are, in the file's order. SENet's files have a BatchNorm layer with mean, variance and a
# factor by which both are to be *divided* (0 means that nothing was gathered: mean and variance are then 0), which we
# do not keep, and behind it a Scale layer: both are one batch norm of ours.
BLOBS: dict[LayerType, tuple[str | None, ...]] = {
    "Convolution": ("weight", "bias"),
    "InnerProduct": ("weight", "bias"),
    "Scale": ("weight", "bias"),
    "BatchNorm": ("running_mean", "running_var", None),
    "CuDNNBatchNorm": ("weight", "bias", "running_mean", "running_var"),
}


@dataclass(frozen=True)
class CaffeLayer:
    """One layer with weights.

    Args:
        name: As released: ``conv2_1_1x1_down``.
        type: As released.
        keys: Of the blobs, in the file's order, in our state dict: ``stage2.0.attention.fc1.weight``; None for the
            factor of a BatchNorm.
    """

    name: str
    type: LayerType
    keys: tuple[str | None, ...]


def caffe_layers(name: str) -> list[CaffeLayer]:
    """List the layers of the released file of a network.

    Args:
        name: Of our network, a key of :data:`RELEASED`.

    Raises:
        UsageError: No file of it was released.
    """
    if name not in RELEASED:
        raise UsageError(f"no Caffe file of {name!r} was released", do=did_you_mean(name, RELEASED))
    with torch.device("meta"):
        model = create(name)
    ours = model.state_dict().keys()
    layers = []
    for released, prefix, kind in RELEASED[name](model):
        keys = [None if role is None else f"{prefix}.{role}" for role in BLOBS[kind]]
        layers.append(CaffeLayer(released, kind, tuple(key for key in keys if key is None or key in ours)))
    return layers


def _se_conv(name: str, prefix: str) -> Iterator[Row]:
    yield name, f"{prefix}.conv", "Convolution"
    yield f"{name}/bn", f"{prefix}.bn", "BatchNorm"
    yield f"{name}/bn/scale", f"{prefix}.bn", "Scale"


def _sk_conv(name: str, prefix: str) -> Iterator[Row]:
    yield name, f"{prefix}.conv", "Convolution"
    yield f"{name}/bn", f"{prefix}.bn", "CuDNNBatchNorm"


def _gate(name: str, prefix: str) -> Iterator[Row]:
    yield f"{name}_1x1_down", f"{prefix}.fc1", "Convolution"
    yield f"{name}_1x1_up", f"{prefix}.fc2", "Convolution"


def _units(model: Network) -> Iterator[tuple[str, str, bool]]:
    """Name each residual unit as the files do and as we do, and say whether it projects."""
    for number, stage in enumerate(model.stages, start=2):
        for i in range(len(list(model.get_submodule(stage.name).children()))):
            yield f"conv{number}_{i + 1}", f"{stage.name}.{i}", i == 0


def _se_units(model: Network) -> Iterator[Row]:
    for name, unit, projects in _units(model):
        yield from _se_conv(f"{name}_1x1_reduce", f"{unit}.branch.conv1")
        yield from _se_conv(f"{name}_3x3", f"{unit}.branch.conv2")
        yield from _se_conv(f"{name}_1x1_increase", f"{unit}.branch.conv3")
        yield from _gate(name, f"{unit}.attention")
        if projects:
            yield from _se_conv(f"{name}_1x1_proj", f"{unit}.shortcut")
    yield "classifier", "head.fc", "InnerProduct"


def _se_resnet(model: Network) -> Iterator[Row]:
    yield from _se_conv("conv1/7x7_s2", "stem.conv1")
    yield from _se_units(model)


def _senet154(model: Network) -> Iterator[Row]:
    yield from _se_conv("conv1_1/3x3_s2", "stem.conv1")
    yield from _se_conv("conv1_2/3x3", "stem.conv2")
    yield from _se_conv("conv1_3/3x3", "stem.conv3")
    yield from _se_units(model)


def _se_bn_inception(model: Network) -> Iterator[Row]:
    yield from _se_conv("conv1/7x7_s2", "stem.conv1")
    yield from _se_conv("conv2/3x3_reduce", "stage2.reduce")
    yield from _se_conv("conv2/3x3", "stage2.conv")
    for stage in model.stages[1:]:
        for module, layers in model.get_submodule(stage.name).named_children():
            for released, ours in _INCEPTION.items():
                if ours in dict(layers.named_modules()):
                    yield from _se_conv(f"{module}/{released}", f"{stage.name}.{module}.{ours}")
            if module != "pool":
                yield from _gate(module, f"{stage.name}.{module}.attention")
    yield "classifier", "head.fc", "InnerProduct"


_INCEPTION = {
    "1x1": "branches.conv1x1",
    "3x3_reduce": "branches.conv3x3.reduce",
    "3x3": "branches.conv3x3.conv",
    "double3x3_reduce": "branches.double3x3.reduce",
    "double3x3a": "branches.double3x3.conv1",
    "double3x3b": "branches.double3x3.conv2",
    "pool_proj": "branches.pool.project",
}


def _sknet(model: Network) -> Iterator[Row]:
    yield from _sk_conv("conv1/7x7_s2", "stem.conv1")
    for name, unit, projects in _units(model):
        yield from _sk_conv(f"{name}/1x1_reduce", f"{unit}.branch.conv1")
        yield from _sk_conv(f"{name}/3x3g32", f"{unit}.branch.conv2.branches.0")
        yield from _sk_conv(f"{name}/3x3g32d2", f"{unit}.branch.conv2.branches.1")
        yield f"{name}/B_fc1", f"{unit}.branch.conv2.fc1", "Convolution"
        yield f"{name}/B_fc1/bn", f"{unit}.branch.conv2.bn1", "CuDNNBatchNorm"
        yield f"{name}/B_fc2", f"{unit}.branch.conv2.fc2", "Convolution"
        yield from _sk_conv(f"{name}/1x1_increase", f"{unit}.branch.conv3")
        if projects:
            yield from _sk_conv(f"{name}/1x1_proj", f"{unit}.shortcut")
    yield "classifier", "head.fc", "InnerProduct"


RELEASED: dict[str, Callable[[Network], Iterator[Row]]] = {
    "se_bn_inception": _se_bn_inception,
    "se_resnet50": _se_resnet,
    "se_resnet101": _se_resnet,
    "se_resnet152": _se_resnet,
    "se_resnext50_32x4d": _se_resnet,
    "se_resnext101_32x4d": _se_resnet,
    "senet154": _senet154,
    "sknet50": _sknet,
    "sknet101_caffe": _sknet,
}
