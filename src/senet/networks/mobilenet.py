"""MobileNet v1, Howard et al. arXiv 1704.04861 (table 1), with SE and with CBAM.

Slots: a convolution (with its norm and ReLU) in the place of each depthwise 3x3; a gate where the row says.
Neither paper says where its blocks stand in this network. What is printed decides:

SE, Hu et al. 1709.01507v4, table 3: 4.7 M parameters. After the ReLU of every pointwise convolution with r = 16
    there are 479,744 weights more, 4.71 M (4.72 M with biases).
CBAM, Woo et al. 1807.06521, table 5: 5.07 M both for SE and for CBAM, 0.570 and 0.576 G multiply-adds. After every
    convolution, the stem's and the depthwise ones too, with r = 16 and biases, all four figures come out to their
    last digit. Without the stem CBAM makes 0.575 G; after the pointwise convolutions alone, 4.72 M.

Whether a block stands before or after the ReLU changes no count; it stands after, as in SE-VGG.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import nn

from senet.attention import CBAM, SE, AttentionSpec
from senet.attention.residual import AttendedSequential
from senet.layers import conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots, no_gate
from senet.networks.resnet import classifier_head, spatial

Gate = Callable[[int], nn.Module | None]


class GatePlacement(NamedTuple):
    """What follows the ReLU of each kind of convolution: channels -> a gate or None."""

    stem: Gate
    depthwise: Gate
    pointwise: Gate


def after_pointwise(gate: Gate) -> GatePlacement:
    """SE-MobileNet."""
    return GatePlacement(stem=no_gate, depthwise=no_gate, pointwise=gate)


def after_each(gate: Gate) -> GatePlacement:
    """CBAM-MobileNet."""
    return GatePlacement(stem=gate, depthwise=gate, pointwise=gate)


@dataclass(frozen=True)
class MobileNetSpec:
    """A published column.

    Args:
        stem: Channels of the first convolution.
        stages: Channels of the pointwise convolutions, by resolution; each stage but the first halves it.
        place: Which convolutions a gate follows: :func:`after_pointwise` or :func:`after_each`.
        attention: What the row publishes, or None.
        geometry: None: there is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    stem: int
    stages: tuple[tuple[int, ...], ...]
    place: Callable[[Gate], GatePlacement] = after_pointwise
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 224

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        gates = self.place(slots.gate)
        stem = gated(conv_bn_relu(in_channels, self.stem, 3, stride=2), gates.stem(self.stem))
        stages, width = [], self.stem
        for i, block in enumerate(self.stages):
            units = []
            for j, channels in enumerate(block):
                units.append(separable(width, channels, 2 if i and j == 0 else 1, slots, gates))
                width = channels
            stages.append((Stage(f"stage{i + 2}", width, 2 ** (i + 1)), nn.Sequential(*units)))
        return Network(nn.Sequential(OrderedDict(conv1=stem)), stages, classifier_head(width, num_classes, 0.0))


def separable(in_channels: int, channels: int, stride: int, slots: Slots, gates: GatePlacement) -> nn.Module:
    """Depthwise separable convolution, figure 3 of Howard et al.: depthwise 3x3, pointwise 1x1."""
    depthwise = spatial(in_channels, in_channels, stride, slots, groups=in_channels)
    return nn.Sequential(
        OrderedDict(
            depthwise=gated(depthwise, gates.depthwise(in_channels)),
            pointwise=gated(conv_bn_relu(in_channels, channels, 1), gates.pointwise(channels)),
        )
    )


def gated(layers: nn.Module, gate: nn.Module | None) -> nn.Module:
    """Append a gate to a convolution, norm and ReLU as their child ``attention``."""
    if gate is None:
        return layers
    return AttendedSequential(OrderedDict(layers.named_children(), attention=gate))


_MOBILENET = MobileNetSpec(stem=32, stages=((64,), (128,) * 2, (256,) * 2, (512,) * 6, (1024,) * 2))

ROWS: dict[str, MobileNetSpec] = {
    "mobilenet_v1": _MOBILENET,
    "se_mobilenet_v1": replace(_MOBILENET, attention=SE()),
    "cbam_mobilenet_v1": replace(_MOBILENET, place=after_each, attention=CBAM()),
}
