"""Pre-activation and wide ResNets for CIFAR, with attention in declared slots.

He et al. arXiv 1603.05027 (figure 1b, appendix) and Zagoruyko and Komodakis 1605.07146 (table 1). A norm and a
ReLU stand before each convolution, none after the sum; a last pair stands before the classifier. The first
unit of a stage shares its first pair between branch and shortcut, as in both authors' files.

Slots: a gate after the last convolution of each branch, before the sum, as in the other ResNets; the SENet
paper reports these networks without saying where its gates are. A convolution in the place of a basic unit's
first 3x3 or a bottleneck's 3x3, together with the norm and the ReLU that follow it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from senet.attention import SE, AttentionSpec
from senet.attention.residual import attend_add
from senet.layers import DropPath, conv, conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots
from senet.networks.resnet import ResNetUnit, classifier_head, spatial, zero_pad
from senet.ops.eager import returns_fresh


class SumUnit(nn.Module):
    """attention(branch(z)) + shortcut(z) with z = before(x); without attention the plain sum."""

    def __init__(
        self, before: nn.Module, branch: nn.Module, shortcut: nn.Module, attention: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.before, self.branch, self.shortcut, self.attention = before, branch, shortcut, attention
        self.drop = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        z = self.before(x)
        y, shortcut = self.branch(z), self.shortcut(z)
        return attend_add(y, self.attention, shortcut, returns_fresh(self.branch), self.drop)


@dataclass(frozen=True)
class PreActSpec:
    """A published network of three stages.

    Args:
        depths: Units in each stage.
        widths: Channels of the 3x3 in each stage.
        channels: Output channels of each stage.
        branch: :func:`basic` or :func:`bottleneck`.
        shortcut: Of the first unit of a stage, where the shapes differ: ``zero_pad`` or :func:`project`.
        attention: What the row publishes, or None.
        geometry: The networks have but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    channels: tuple[int, ...]
    branch: "Branch"
    shortcut: Callable[[ResNetUnit], nn.Module]
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 10
    size: int = 32

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        width, total, stages = 16, 1, []
        stem = nn.Sequential(OrderedDict(conv1=conv_only(in_channels, width, 3)))
        for i, depth in enumerate(self.depths):
            stride = 1 if i == 0 else 2
            layers = nn.Sequential(first_unit(self._unit(i, width, stride), self, slots))
            width, total = self.channels[i], total * stride
            layers.extend(later_unit(self._unit(i, width, 1), self, slots) for _ in range(depth - 1))
            stages.append((Stage(f"stage{i + 2}", width, total), layers))
        return Network(stem, stages, head(width, num_classes))

    def _unit(self, stage: int, in_channels: int, stride: int) -> ResNetUnit:
        width = self.widths[stage]
        return ResNetUnit(in_channels, width, width, self.channels[stage], stride)


Branch = Callable[[ResNetUnit, Slots], "OrderedDict[str, nn.Module]"]


def first_unit(unit: ResNetUnit, spec: PreActSpec, slots: Slots) -> SumUnit:
    """First unit of a stage: the shortcut starts behind the first norm and ReLU."""
    same = unit.in_channels == unit.channels and unit.stride == 1
    before, branch = bn_relu(unit.in_channels), nn.Sequential(spec.branch(unit, slots))
    shortcut = nn.Identity() if same else spec.shortcut(unit)
    return SumUnit(before, branch, shortcut, slots.gate(unit.channels))


def later_unit(unit: ResNetUnit, spec: PreActSpec, slots: Slots) -> SumUnit:
    """Any other unit: the shortcut is the identity."""
    branch = OrderedDict(preact=bn_relu(unit.in_channels), **spec.branch(unit, slots))
    return SumUnit(nn.Identity(), nn.Sequential(branch), nn.Identity(), slots.gate(unit.channels))


def basic(unit: ResNetUnit, slots: Slots) -> "OrderedDict[str, nn.Module]":
    """Two 3x3; the first, with norm and ReLU, is a convolution slot."""
    return OrderedDict[str, nn.Module](
        conv1=spatial(unit.in_channels, unit.channels, unit.stride, slots),
        conv2=conv_only(unit.channels, unit.channels, 3),
    )


def bottleneck(unit: ResNetUnit, slots: Slots) -> "OrderedDict[str, nn.Module]":
    """1x1, 3x3, 1x1, the stride in the first 1x1 (the authors' file); the 3x3 is a convolution slot."""
    return OrderedDict[str, nn.Module](
        conv1=conv_bn_relu(unit.in_channels, unit.width, 1, stride=unit.stride),
        conv2=spatial(unit.width, unit.width, 1, slots),
        conv3=conv_only(unit.width, unit.channels, 1),
    )


def project(unit: ResNetUnit) -> nn.Module:
    """1x1 convolution without norm."""
    return conv_only(unit.in_channels, unit.channels, 1, unit.stride)


def conv_only(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Module:
    """Convolution alone, named as inside ``conv_bn``."""
    return nn.Sequential(OrderedDict(conv=conv(in_channels, out_channels, kernel_size, stride=stride)))


def bn_relu(channels: int) -> nn.Sequential:
    """The pre-activation."""
    return nn.Sequential(OrderedDict(bn=nn.BatchNorm2d(channels), relu=nn.ReLU(inplace=True)))


def head(channels: int, num_classes: int) -> nn.Module:
    """The last norm and ReLU, then the classifier of the other ResNets."""
    linear = classifier_head(channels, num_classes, dropout=0.0)
    return nn.Sequential(OrderedDict([*bn_relu(channels).named_children(), *linear.named_children()]))


# He et al. 2016: 6n + 2 and 9n + 2 layers. Their file projects the bottlenecks' shortcuts; for the basic network,
# which it lacks, we keep those of He et al. 2015, option A.
_RESNET110 = PreActSpec((18, 18, 18), (16, 32, 64), (16, 32, 64), basic, zero_pad)
_RESNET164 = PreActSpec((18, 18, 18), (16, 32, 64), (64, 128, 256), bottleneck, project)

# Zagoruyko and Komodakis: 6n + 4 layers, widening factor 8; without dropout, whose errors SENet's table repeats.
_WRN_16_8 = PreActSpec((2, 2, 2), (128, 256, 512), (128, 256, 512), basic, project)

# The SENet paper states no reduction for CIFAR: its 16, but 8 where 16 would leave one hidden unit.
ROWS: dict[str, PreActSpec] = {
    "preact_resnet110": _RESNET110,
    "preact_resnet164": _RESNET164,
    "wrn_16_8": _WRN_16_8,
    "se_preact_resnet110": replace(_RESNET110, attention=SE(reduction=8)),
    "se_preact_resnet164": replace(_RESNET164, attention=SE()),
    "se_wrn_16_8": replace(_WRN_16_8, attention=SE()),
}
