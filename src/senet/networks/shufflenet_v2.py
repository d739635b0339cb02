"""ShuffleNetV2, Ma et al. arXiv 1807.11164 (table 5, figure 3), with SE and with SK.

Slots: a gate at the end of each unit's branch, after its last ReLU, before the concatenation; a convolution (with
its norm) in the place of the branch's depthwise 3x3. A SelectiveKernel there brings the ReLU that the paper
leaves out; the depthwise 3x3 on the shortcut of the units at stride 2 stays.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from senet.attention import SE, SK, AttentionSpec
from senet.attention.residual import attend_fresh
from senet.layers import conv_bn, conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots
from senet.networks.shufflenet import Shuffle, depthwise, shuffle_stem
from senet.ops.eager import returns_fresh


class Halve(nn.Module):
    """Channel split: the first half keeps, the second is transformed."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> twice (B, C / 2, H, W)."""
        first, second = x.chunk(2, dim=1)
        return first, second


class Both(nn.Module):
    """No split: at stride 2 shortcut and branch see the whole input."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> twice (B, C, H, W)."""
        return x, x


class SplitUnit(nn.Module):
    """shuffle([shortcut(x_1); attention(branch(x_2))])."""

    def __init__(self, split: nn.Module, shortcut: nn.Module, branch: nn.Module, attention: nn.Module | None) -> None:
        super().__init__()
        self.split, self.shortcut, self.branch, self.attention = split, shortcut, branch, attention
        self.shuffle = Shuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        first, second = self.split(x)
        y = attend_fresh(self.branch(second), self.attention, returns_fresh(self.branch))
        merged: Tensor = self.shuffle(torch.cat([self.shortcut(first), y], dim=1))
        return merged


@dataclass(frozen=True)
class ShuffleNetV2Spec:
    """A published column.

    Args:
        channels: Output channels of each stage.
        stem: Channels of the first convolution.
        last: Channels of the last convolution before the pooling.
        depths: Units of each stage.
        attention: What the row publishes, or None.
        geometry: None: there is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    channels: tuple[int, ...]
    stem: int = 24
    last: int = 1024
    depths: tuple[int, ...] = (4, 8, 4)
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 224

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        stages, width = [], self.stem
        for i, (channels, depth) in enumerate(zip(self.channels, self.depths, strict=True)):
            units = [stride2_unit(width, channels // 2, slots)]
            units += [stride1_unit(channels // 2, slots) for _ in range(depth - 1)]
            width = channels
            stages.append((Stage(f"stage{i + 2}", width, 2 ** (i + 3)), nn.Sequential(*units)))
        return Network(shuffle_stem(in_channels, self.stem), stages, shuffle_head(width, self.last, num_classes))


def stride1_unit(half: int, slots: Slots) -> SplitUnit:
    """Figure 3(c): half of the channels pass."""
    return SplitUnit(Halve(), nn.Identity(), split_branch(half, half, 1, slots), slots.gate(half))


def stride2_unit(in_channels: int, half: int, slots: Slots) -> SplitUnit:
    """Figure 3(d): both ways halve the resolution and put out half of the channels."""
    shortcut: OrderedDict[str, nn.Module] = OrderedDict(
        depthwise=conv_bn(in_channels, in_channels, 3, stride=2, groups=in_channels),
        project=conv_bn_relu(in_channels, half, 1),
    )
    branch = split_branch(in_channels, half, 2, slots)
    return SplitUnit(Both(), nn.Sequential(shortcut), branch, slots.gate(half))


def split_branch(in_channels: int, half: int, stride: int, slots: Slots) -> nn.Module:
    """1x1, depthwise 3x3 without ReLU, 1x1, all of one width."""
    return nn.Sequential(
        OrderedDict(
            conv1=conv_bn_relu(in_channels, half, 1),
            depthwise=depthwise(half, stride, slots),
            conv2=conv_bn_relu(half, half, 1),
        )
    )


def shuffle_head(channels: int, last: int, num_classes: int) -> nn.Module:
    """1x1 convolution, global average pooling and a linear layer, (B, channels, H, W) -> (B, num_classes)."""
    return nn.Sequential(
        OrderedDict(
            conv=conv_bn_relu(channels, last, 1),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(last, num_classes),
        )
    )


_X0_5 = ShuffleNetV2Spec(channels=(48, 96, 192))
_X1_0 = ShuffleNetV2Spec(channels=(116, 232, 464))

# Li et al. 1903.06586 train both (table 4) and publish neither code nor settings of these networks. For SK we take
# their defaults M = 2, r = 16, L = 32, so that d = max(C/16, 32) is 32 everywhere, and the groups of the depthwise
# convolution, one for each channel. For SE we take MobileNetV3's r = 4: at r = 16 the 24 channels of 0.5x have one
# hidden unit, which starts dead in half of all draws and then gives every image the same weights.
_SE = SE(reduction=4)
_SK = SK(groups="depthwise")

ROWS: dict[str, ShuffleNetV2Spec] = {
    "shufflenet_v2_x0_5": _X0_5,
    "shufflenet_v2_x1_0": _X1_0,
    "se_shufflenet_v2_x0_5": replace(_X0_5, attention=_SE),
    "se_shufflenet_v2_x1_0": replace(_X1_0, attention=_SE),
    "sk_shufflenet_v2_x0_5": replace(_X0_5, attention=_SK),
    "sk_shufflenet_v2_x1_0": replace(_X1_0, attention=_SK),
}
