"""BN-Inception and SE-BN-Inception.

Ioffe & Szegedy, arXiv 1502.03167, appendix; Hu et al. 1709.01507v4, section 3.3. Widths, pools and rounding are
those of the released SE-BN-Inception.prototxt (github.com/hujie-frank/SENet), Caffe's geometry throughout: max
pools at stride 2 without padding, rounded up; average pools that count their padding; no biases but the
classifier's and the gates'. The last module pools the maximum where the others of stride 1 pool the mean.

Slots: a gate on the concatenation of each of the ten modules, those of stride 2 included; a convolution in the
place of each module's single 3x3.

The modules have the paper's names. Stages are cut where the resolution changes, so the modules of stride 2, 3c
and 4e, open the stages 4 and 5 although the paper numbers them with the one before.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from senet.attention import AttentionSpec
from senet.attention.residual import attend_fresh
from senet.layers import conv_bn_relu
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots
from senet.networks.resnet import classifier_head, spatial


class Inception(nn.Module):
    """attention(concat(branches(x))); without attention the concatenation."""

    def __init__(self, branches: Mapping[str, nn.Module], attention: nn.Module | None) -> None:
        super().__init__()
        self.branches, self.attention = nn.ModuleDict(branches), attention

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        return attend_fresh(torch.cat([branch(x) for branch in self.branches.values()], 1), self.attention)


class HalvingMaxPool(nn.Module):
    """3x3 max pool at stride 2, unpadded, rounded up; (B, C, H, W) -> (B, C, H/2, W/2), rounded up too.

    A map of odd size would come out one smaller than the padded convolutions beside it make theirs: Caffe
    refuses such an image. Here the map is extended at its end by what no maximum notices, so that any size works.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return F.max_pool2d(_extended_to_even(x), 3, 2, ceil_mode=True)


@fx.wrap  # it branches over the size, which symbolic tracing does not know
def _extended_to_even(x: Tensor) -> Tensor:
    odd = x.shape[-2] % 2, x.shape[-1] % 2
    return F.pad(x, (0, odd[1], 0, odd[0]), value=float("-inf")) if any(odd) else x


@dataclass(frozen=True)
class InceptionModule:
    """One module of stride 1: four branches, in the order of the concatenation.

    Args:
        name: The paper's, ``inception_3a``.
        single: Channels of the 1x1.
        triple: Of the 1x1 and the 3x3 of the second branch.
        double: Of the 1x1 and of both 3x3 of the third.
        pool: Makes the 3x3 pool of the fourth.
        project: Channels of the 1x1 after it.
    """

    name: str
    single: int
    triple: tuple[int, int]
    double: tuple[int, int]
    pool: Callable[[], nn.Module]
    project: int

    def channels(self, in_channels: int) -> int:
        """Channels of the concatenation."""
        return self.single + self.triple[1] + self.double[1] + self.project

    def build(self, in_channels: int, slots: Slots) -> Inception:
        """Build the module."""
        pooled = OrderedDict(pool=self.pool(), project=conv_bn_relu(in_channels, self.project, 1))
        branches: dict[str, nn.Module] = {
            "conv1x1": conv_bn_relu(in_channels, self.single, 1),
            "conv3x3": _triple(in_channels, self.triple, 1, slots),
            "double3x3": _double(in_channels, self.double, 1),
            "pool": nn.Sequential(pooled),
        }
        return Inception(branches, slots.gate(self.channels(in_channels)))


@dataclass(frozen=True)
class ReductionModule:
    """One module of stride 2: two branches of convolutions and the pooled input itself; fields as above."""

    name: str
    triple: tuple[int, int]
    double: tuple[int, int]

    def channels(self, in_channels: int) -> int:
        """Channels of the concatenation."""
        return self.triple[1] + self.double[1] + in_channels

    def build(self, in_channels: int, slots: Slots) -> Inception:
        """Build the module."""
        branches: dict[str, nn.Module] = {
            "conv3x3": _triple(in_channels, self.triple, 2, slots),
            "double3x3": _double(in_channels, self.double, 2),
            "pool": HalvingMaxPool(),
        }
        return Inception(branches, slots.gate(self.channels(in_channels)))


def _triple(in_channels: int, widths: tuple[int, int], stride: int, slots: Slots) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            reduce=conv_bn_relu(in_channels, widths[0], 1),
            conv=spatial(*widths, stride, slots),
        )
    )


def _double(in_channels: int, widths: tuple[int, int], stride: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            reduce=conv_bn_relu(in_channels, widths[0], 1),
            conv1=conv_bn_relu(*widths, 3),
            conv2=conv_bn_relu(widths[1], widths[1], 3, stride=stride),
        )
    )


def mean_pool() -> nn.Module:
    """3x3 mean at stride 1; the zeros of the padding count, as in Caffe."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=True)


def max_pool() -> nn.Module:
    """3x3 maximum at stride 1."""
    return nn.MaxPool2d(3, stride=1, padding=1)


ModuleRow = InceptionModule | ReductionModule


@dataclass(frozen=True)
class InceptionSpec:
    """A published row.

    Args:
        stem: Channels of the 7x7, the 1x1 and the 3x3.
        stages: Modules of each resolution, the first at an eighth of the image.
        attention: What the row publishes, or None.
        geometry: There is but one, the authors'.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    stem: tuple[int, int, int]
    stages: tuple[tuple[ModuleRow, ...], ...]
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 224

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        first, reduced, width = self.stem
        stem = nn.Sequential(OrderedDict(conv1=conv_bn_relu(in_channels, first, 7, stride=2), pool=_stem_pool()))
        reduce, conv = conv_bn_relu(first, reduced, 1), conv_bn_relu(reduced, width, 3)
        second = nn.Sequential(OrderedDict(reduce=reduce, conv=conv))
        stages: list[tuple[Stage, nn.Module]] = [(Stage("stage2", width, 4), second)]
        for i, rows in enumerate(self.stages):
            layers, channels = _stage(rows, width, slots)
            if i == 0:
                layers = OrderedDict(pool=_stem_pool(), **layers)
            stages.append((Stage(f"stage{i + 3}", channels, 8 * 2**i), nn.Sequential(layers)))
            width = channels
        return Network(stem, stages, classifier_head(width, num_classes, 0.0))


def _stem_pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _stage(rows: Sequence[ModuleRow], in_channels: int, slots: Slots) -> tuple["OrderedDict[str, nn.Module]", int]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for row in rows:
        layers[row.name] = row.build(in_channels, slots)
        in_channels = row.channels(in_channels)
    return layers, in_channels
