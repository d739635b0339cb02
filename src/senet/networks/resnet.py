"""ResNet, ResNeXt, SENet-154, SKNet and the CIFAR ResNets, with attention in declared slots.

He et al. arXiv 1512.03385 (tables 1 and 6), Xie et al. 1611.05431, Hu et al. 1709.01507v4 (table 1, appendix),
Li et al. 1903.06586 (table 1), Woo et al. 1807.06521. Slots: a gate after the last batch norm of each branch,
before the sum; a convolution (with its norm and ReLU) in the place of a bottleneck's 3x3 or a basic unit's
first 3x3.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from senet.attention import AttentionSpec
from senet.attention.residual import residual as residual_unit
from senet.layers import DropPath, conv_bn, conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, ZeroPad, fill_slots


class ResidualUnit(nn.Module):
    """relu(attention(branch(x)) + shortcut(x)); without attention the plain sum."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, attention: nn.Module | None) -> None:
        super().__init__()
        self.branch, self.shortcut, self.attention = branch, shortcut, attention
        self.drop = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        return residual_unit(self.branch, x, self.attention, self.shortcut, self.drop)


@dataclass(frozen=True)
class ResNetUnit:
    """Widths of one residual unit.

    Args:
        in_channels: Of its input.
        reduced: After a bottleneck's first 1x1.
        width: After the 3x3.
        channels: Of its output.
        stride: Its own.
    """

    in_channels: int
    reduced: int
    width: int
    channels: int
    stride: int


@dataclass(frozen=True)
class ResNetSpec:
    """A published column: stages, widths, stem and attention.

    Args:
        depths: Units in each stage.
        widths: Channels of the 3x3 in each stage.
        channels: Output channels of each stage.
        branch: :func:`basic` or :func:`bottleneck`.
        stem: :func:`stem7`, :func:`stem3` or :func:`cifar_stem`.
        shortcut: :func:`project1`, :func:`project3` or :func:`zero_pad`, where the shapes differ.
        reduced: Channels after the first 1x1 in each stage; None means as the 3x3.
        groups: Of the 3x3.
        geometry: ``caffe``: the authors' (max pool without padding, rounded up; where ``early_stride``, the
            stride in the first 1x1). ``torch``: torchvision's (padded pool, stride in the 3x3). None: the
            network has but one.
        early_stride: Whether the ``caffe`` geometry has the stride in a bottleneck's first 1x1.
        attention: What the row publishes, or None.
        dropout: Before the classifier.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    channels: tuple[int, ...]
    branch: "Branch"
    stem: "Stem"
    shortcut: Callable[[ResNetUnit], nn.Module]
    reduced: tuple[int, ...] | None = None
    groups: int = 1
    geometry: Geometry | None = "caffe"
    early_stride: bool = False
    attention: AttentionSpec | None = None
    dropout: float = 0.0
    num_classes: int = 1000
    size: int = 224

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        stem, width, total = self.stem(in_channels, self)
        stages = []
        for i, depth in enumerate(self.depths):
            units = self._units(i, depth, width)
            layers = nn.Sequential(*(residual(unit, self, slots) for unit in units))
            width, total = self.channels[i], total * units[0].stride
            stages.append((Stage(f"stage{i + 2}", width, total), layers))
        return Network(stem, stages, classifier_head(width, num_classes, self.dropout))

    def _units(self, stage: int, depth: int, in_channels: int) -> list[ResNetUnit]:
        width, channels = self.widths[stage], self.channels[stage]
        reduced = self.reduced[stage] if self.reduced else width
        first = ResNetUnit(in_channels, reduced, width, channels, stride=1 if stage == 0 else 2)
        return [first] + [ResNetUnit(channels, reduced, width, channels, stride=1)] * (depth - 1)


Branch = Callable[[ResNetUnit, ResNetSpec, Slots], nn.Module]
Stem = Callable[[int, ResNetSpec], tuple[nn.Module, int, int]]  # layers, channels, stride


def residual(unit: ResNetUnit, spec: ResNetSpec, slots: Slots) -> ResidualUnit:
    """Put a unit together."""
    same = unit.stride == 1 and unit.in_channels == unit.channels
    shortcut = nn.Identity() if same else spec.shortcut(unit)
    return ResidualUnit(spec.branch(unit, spec, slots), shortcut, slots.gate(unit.channels))


def basic(unit: ResNetUnit, spec: ResNetSpec, slots: Slots) -> nn.Module:
    """Two 3x3 convolutions; the first is a convolution slot."""
    conv1 = spatial(unit.in_channels, unit.channels, unit.stride, slots, spec.groups)
    return nn.Sequential(OrderedDict(conv1=conv1, conv2=conv_bn(unit.channels, unit.channels, 3)))


def bottleneck(unit: ResNetUnit, spec: ResNetSpec, slots: Slots) -> nn.Module:
    """1x1, 3x3, 1x1; the 3x3 is a convolution slot."""
    early = unit.stride if spec.early_stride and spec.geometry == "caffe" else 1
    return nn.Sequential(
        OrderedDict(
            conv1=conv_bn_relu(unit.in_channels, unit.reduced, 1, stride=early),
            conv2=spatial(unit.reduced, unit.width, unit.stride // early, slots, spec.groups),
            conv3=conv_bn(unit.width, unit.channels, 1),
        )
    )


def spatial(in_channels: int, out_channels: int, stride: int, slots: Slots, groups: int = 1) -> nn.Module:
    """A unit's 3x3 with norm and ReLU, or what stands in its place."""
    if slots.convolution is not None:
        return slots.convolution(in_channels, out_channels, stride=stride)
    return conv_bn_relu(in_channels, out_channels, 3, stride=stride, groups=groups)


def project1(unit: ResNetUnit) -> nn.Module:
    """Projection by a 1x1 convolution, option B of He et al."""
    return conv_bn(unit.in_channels, unit.channels, 1, stride=unit.stride)


def project3(unit: ResNetUnit) -> nn.Module:
    """Projection of SENet-154: 3x3 where it strides, so that no activation is dropped, else 1x1."""
    return conv_bn(unit.in_channels, unit.channels, 1 if unit.stride == 1 else 3, stride=unit.stride)


def zero_pad(unit: ResNetUnit) -> nn.Module:
    """Shortcut without parameters, option A of He et al."""
    return ZeroPad(unit.in_channels, unit.channels, unit.stride)


def pool(spec: ResNetSpec) -> nn.Module:
    """3x3 max pool at stride 2: unpadded and rounded up (Caffe), or padded and rounded down (torch)."""
    return nn.MaxPool2d(3, 2, ceil_mode=True) if spec.geometry == "caffe" else nn.MaxPool2d(3, 2, padding=1)


def stem7(in_channels: int, spec: ResNetSpec) -> tuple[nn.Module, int, int]:
    """7x7 at stride 2 and the pool."""
    layers = OrderedDict(conv1=conv_bn_relu(in_channels, 64, 7, stride=2), pool=pool(spec))
    return nn.Sequential(layers), 64, 4


def stem3(in_channels: int, spec: ResNetSpec) -> tuple[nn.Module, int, int]:
    """SENet-154's three 3x3 convolutions and the pool."""
    layers = OrderedDict(
        conv1=conv_bn_relu(in_channels, 64, 3, stride=2),
        conv2=conv_bn_relu(64, 64, 3),
        conv3=conv_bn_relu(64, 128, 3),
        pool=pool(spec),
    )
    return nn.Sequential(layers), 128, 4


def cifar_stem(in_channels: int, spec: ResNetSpec) -> tuple[nn.Module, int, int]:
    """One 3x3 to 16 channels at full resolution."""
    return nn.Sequential(OrderedDict(conv1=conv_bn_relu(in_channels, 16, 3))), 16, 1


def classifier_head(channels: int, num_classes: int, dropout: float) -> nn.Module:
    """Global average pooling and a linear layer, (B, channels, H, W) -> (B, num_classes)."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(dropout),
            fc=nn.Linear(channels, num_classes),
        )
    )
