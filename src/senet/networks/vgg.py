"""VGG-16 with batch norms, Simonyan and Zisserman arXiv 1409.1556 (table 1, column D), and SE-VGG-16.

Hu et al. 1709.01507v4 (sections 3.3 and 5.1): "BN added after each convolution", and the SE block after the
non-linearity that follows each convolution. Slots: a gate after each of the thirteen ReLUs; a convolution
(with its norm and ReLU) in the place of each 3x3 but the first, whose input is the image.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import nn

from senet.attention import SE, AttentionSpec
from senet.attention.residual import AttendedSequential
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots


@dataclass(frozen=True)
class VGGSpec:
    """A published column.

    Args:
        blocks: Channels of each convolution, by resolution.
        attention: What the row publishes, or None.
        geometry: None: there is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
        dropout: After both hidden layers of the classifier.
    """

    blocks: tuple[tuple[int, ...], ...]
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 224
    dropout: float = 0.5

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network; its stem is the paper's conv1_x, ``stage2`` to ``stage5`` are conv2_x to conv5_x.

        A max pool opens each stage, so a stage's map is what its last convolution puts out, before the next pool.
        """
        slots = fill_slots(self.attention)
        first, *later = self.blocks
        stem = OrderedDict(conv1=vgg_convolution(in_channels, first[0], Slots(gate=slots.gate)))
        for i, (before, channels) in enumerate(pairwise(first), start=2):
            stem[f"conv{i}"] = vgg_convolution(before, channels, slots)
        stages, width = [], first[-1]
        for i, block in enumerate(later):
            stages.append((Stage(f"stage{i + 2}", block[-1], 2 ** (i + 1)), vgg_stage(width, block, slots)))
            width = block[-1]
        return Network(nn.Sequential(stem), stages, vgg_head(width, num_classes, self.dropout))


def vgg_stage(in_channels: int, block: Sequence[int], slots: Slots) -> nn.Module:
    """2x2 max pool and the convolutions of one resolution."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.MaxPool2d(2))
    for i, channels in enumerate(block, start=1):
        layers[f"conv{i}"] = vgg_convolution(in_channels, channels, slots)
        in_channels = channels
    return nn.Sequential(layers)


def vgg_convolution(in_channels: int, channels: int, slots: Slots) -> nn.Module:
    """3x3 with bias, norm and ReLU, or what stands in their place; then the gate.

    The norm makes the bias idle; it is kept because the published weights and the printed 138.37 M have it.
    """
    if slots.convolution is not None:
        return slots.convolution(in_channels, channels, stride=1)
    layers = OrderedDict(
        conv=nn.Conv2d(in_channels, channels, 3, padding=1),
        bn=nn.BatchNorm2d(channels),
        relu=nn.ReLU(inplace=True),
    )
    gate = slots.gate(channels)
    return nn.Sequential(layers) if gate is None else AttendedSequential(OrderedDict(layers, attention=gate))


def vgg_head(channels: int, num_classes: int, dropout: float) -> nn.Module:
    """Pool, three linear layers of 4096, 4096 and num_classes; (B, channels, H, W) -> (B, num_classes).

    The adaptive pooling to 7x7 changes nothing at 224 and lets other sizes through.
    """
    return nn.Sequential(
        OrderedDict(
            pool=nn.MaxPool2d(2),
            average=nn.AdaptiveAvgPool2d(7),
            flatten=nn.Flatten(),
            fc1=nn.Linear(channels * 7 * 7, 4096),
            relu1=nn.ReLU(inplace=True),
            dropout1=nn.Dropout(dropout),
            fc2=nn.Linear(4096, 4096),
            relu2=nn.ReLU(inplace=True),
            dropout2=nn.Dropout(dropout),
            fc=nn.Linear(4096, num_classes),
        )
    )


_VGG16 = VGGSpec(blocks=((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3))

ROWS: dict[str, VGGSpec] = {
    "vgg16_bn": _VGG16,
    # Section 6.1's r = 16; the paper prints no parameters for this network.
    "se_vgg16_bn": replace(_VGG16, attention=SE()),
}
