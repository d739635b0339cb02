"""Layer names of the nine released Caffe files, as a function of our networks' structure.

github.com/hujie-frank/SENet has seven, github.com/implus/SKNet two. Read through
:func:`senet.weights.caffe_names.caffe_layers`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from senet.networks import Network

LayerType = Literal["Convolution", "BatchNorm", "Scale", "CuDNNBatchNorm", "InnerProduct"]
Row = tuple[str, str, LayerType]  # the released name, our prefix, the type


@dataclass(frozen=True)
class Released:
    """One released file.

    Args:
        title: As its authors call the network.
        rows: Its layers, for our network.
    """

    title: str
    rows: Callable[[Network], Iterator[Row]]


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


RELEASED: dict[str, Released] = {
    "se_bn_inception": Released("SE-BN-Inception", _se_bn_inception),
    "se_resnet50": Released("SE-ResNet-50", _se_resnet),
    "se_resnet101": Released("SE-ResNet-101", _se_resnet),
    "se_resnet152": Released("SE-ResNet-152", _se_resnet),
    "se_resnext50_32x4d": Released("SE-ResNeXt-50", _se_resnet),
    "se_resnext101_32x4d": Released("SE-ResNeXt-101", _se_resnet),
    "senet154": Released("SENet-154", _senet154),
    "sknet50": Released("SKNet-50", _sknet),
    "sknet101_caffe": Released("SKNet-101", _sknet),
}
