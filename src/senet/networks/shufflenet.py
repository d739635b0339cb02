"""ShuffleNet v1, Zhang et al. arXiv 1707.01083 (table 1, figure 2), and SE-ShuffleNet.

Slots: a gate after the last batch norm of each unit's branch, before the sum or the concatenation; a convolution
(with its norm) in the place of the depthwise 3x3. A SelectiveKernel there brings the ReLU that the paper leaves out.

Hu et al. 1709.01507v4, table 3, print 1.8 and 2.4 M parameters and state no place. This place makes 1.87 and
2.48 M: both prints are then cut off after the first digit, not rounded.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from senet.attention import SE, AttentionSpec
from senet.attention.residual import attend_add_relu, attend_fresh
from senet.layers import conv_bn, conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots
from senet.networks.resnet import classifier_head
from senet.ops.eager import returns_fresh

Merge = Callable[[Tensor, nn.Module | None, Tensor, bool], Tensor]  # as of attend_add


class Shuffle(nn.Module):
    """Deal the channels of each group out to all groups, figure 1(c); (B, C, H, W) -> (B, C, H, W).

    Channel j of group i becomes channel i of the j-th run of ``groups`` channels.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Transpose (groups, C / groups)."""
        runs: Tensor = x.unflatten(1, (self.groups, -1))
        return runs.transpose(1, 2).flatten(1, 2)


def add(y: Tensor, attention: nn.Module | None, shortcut: Tensor, fresh: bool) -> Tensor:
    """Rectify the sum of the shortcut and the branch with attention, figure 2(b)."""
    return attend_add_relu(y, attention, shortcut, fresh)


def concatenate(y: Tensor, attention: nn.Module | None, shortcut: Tensor, fresh: bool) -> Tensor:
    """Rectify the shortcut and the branch with attention side by side, figure 2(c).

    The figure does not order the two; the shortcut comes first, as it does in ShuffleNetV2's code.
    """
    return torch.cat([shortcut, attend_fresh(y, attention, fresh)], dim=1).relu_()


class ShuffleUnit(nn.Module):
    """merge(branch(x), attention, shortcut(x))."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, attention: nn.Module | None, merge: Merge) -> None:
        super().__init__()
        self.branch, self.shortcut, self.attention, self.merge = branch, shortcut, attention, merge

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        return self.merge(self.branch(x), self.attention, self.shortcut(x), returns_fresh(self.branch))


@dataclass(frozen=True)
class ShuffleNetSpec:
    """A published column.

    Args:
        groups: g of the pointwise convolutions.
        stem: Channels of the first convolution.
        channels: Output channels of each stage.
        depths: Units of each stage.
        attention: What the row publishes, or None.
        geometry: None: there is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    groups: int
    stem: int
    channels: tuple[int, ...]
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
            # Section 3.2: no groups on the very first pointwise convolution, its input has too few channels.
            units = [stride2_unit(width, channels, 1 if i == 0 else self.groups, self.groups, slots)]
            units += [stride1_unit(channels, self.groups, slots) for _ in range(depth - 1)]
            width = channels
            stages.append((Stage(f"stage{i + 2}", width, 2 ** (i + 3)), nn.Sequential(*units)))
        return Network(shuffle_stem(in_channels, self.stem), stages, classifier_head(width, num_classes, 0.0))


def shuffle_stem(in_channels: int, channels: int) -> nn.Module:
    """3x3 convolution and 3x3 max pool, both at stride 2."""
    layers = OrderedDict(conv1=conv_bn_relu(in_channels, channels, 3, stride=2), pool=nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(layers)


def stride1_unit(channels: int, groups: int, slots: Slots) -> ShuffleUnit:
    """Figure 2(b): the sum of branch and identity."""
    compress = conv_bn_relu(channels, channels // 4, 1, groups=groups)
    branch = shuffle_branch(compress, channels // 4, channels, 1, groups, slots)
    return ShuffleUnit(branch, nn.Identity(), slots.gate(channels), add)


def stride2_unit(in_channels: int, channels: int, groups1: int, groups: int, slots: Slots) -> ShuffleUnit:
    """Figure 2(c): the branch at stride 2 beside the pooled input, which make ``channels`` together."""
    compress = conv_bn_relu(in_channels, channels // 4, 1, groups=groups1)
    branch = shuffle_branch(compress, channels // 4, channels - in_channels, 2, groups, slots)
    pool = nn.AvgPool2d(3, 2, padding=1)
    return ShuffleUnit(branch, pool, slots.gate(channels - in_channels), concatenate)


def shuffle_branch(
    compress: nn.Module, width: int, channels: int, stride: int, groups: int, slots: Slots
) -> nn.Sequential:
    """Grouped 1x1 to a quarter of the unit's output, shuffle, depthwise 3x3 without ReLU, grouped 1x1."""
    return nn.Sequential(
        OrderedDict(
            compress=compress,
            shuffle=Shuffle(groups),
            depthwise=depthwise(width, stride, slots),
            expand=conv_bn(width, channels, 1, groups=groups),
        )
    )


def depthwise(channels: int, stride: int, slots: Slots) -> nn.Module:
    """3x3 on each channel and norm, or what stands in their place."""
    if slots.convolution is not None:
        return slots.convolution(channels, channels, stride=stride)
    return conv_bn(channels, channels, 3, stride=stride, groups=channels)


_SHUFFLENET_G3 = ShuffleNetSpec(groups=3, stem=24, channels=(240, 480, 960))

ROWS: dict[str, ShuffleNetSpec] = {
    "shufflenet_v1_g3": _SHUFFLENET_G3,
    "se_shufflenet_v1_g3": replace(_SHUFFLENET_G3, attention=SE()),
}
