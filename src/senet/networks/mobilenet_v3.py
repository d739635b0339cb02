"""MobileNetV3 Large and Small, Howard et al. arXiv 1905.02244v5 (tables 1 and 2).

Slots: a gate after the activation of the depthwise convolution, before the projection (section 5.3), on the rows
that the tables tick; a convolution (with its norm and activation) in the place of every unit's depthwise one.
A SelectiveKernel there brings its own norm and ReLU, so h-swish is lost inside it.

Of the two SE blocks in circulation, the authors' has biases and no norms (:meth:`SE.mobilenet_v3`, the published rows);
the other has batch norms after both layers and no biases,
``SE(reduction=4, norm=True, bias=False, gate="hard_sigmoid", width="make_divisible")``.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from senet.attention import AttentionSpec
from senet.attention.residual import AttendedSequential, attend_add
from senet.layers import conv_bn_act
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots, no_gate
from senet.ops.eager import is_hooked, returns_fresh


def norm(channels: int) -> nn.Module:
    """Batch norm with section 6.1's decay of 0.99 and the epsilon of the authors' code."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def relu() -> nn.Module:
    """RE of the tables."""
    return nn.ReLU(inplace=True)


def hard_swish() -> nn.Module:
    """HS of the tables, x relu6(x + 3) / 6."""
    return nn.Hardswish(inplace=True)


class BneckRow(NamedTuple):
    """One ``bneck`` line of the tables."""

    kernel_size: int
    expanded: int
    channels: int
    se: bool
    activation: Callable[[], nn.Module]
    stride: int


@dataclass(frozen=True)
class MobileNetV3Spec:
    """A published table.

    Args:
        rows: The ``bneck`` lines, in order; a new stage begins where the stride is two.
        stem: Channels of the first convolution.
        last: Channels of the last convolution before the pooling.
        hidden: Units between the pooling and the classifier.
        attention: What the ticked rows carry, or None.
        geometry: None: there is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
        dropout: Before the classifier; section 6.1's 0.8 is the part that is kept.
    """

    rows: tuple[BneckRow, ...]
    stem: int
    last: int
    hidden: int
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 224
    dropout: float = 0.2

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network; Large has five stages, at strides 2 to 32, Small four, at strides 4 to 32."""
        slots = fill_slots(self.attention)
        stem = conv_bn_act(in_channels, self.stem, 3, stride=2, norm=norm, activation=hard_swish)
        stages, width, total = [], self.stem, 2
        for i, rows in enumerate(group_by_resolution(self.rows)):
            units = []
            for row in rows:
                units.append(inverted_residual(width, row, slots))
                width, total = row.channels, total * row.stride
            stages.append((Stage(f"stage{i + 2}", width, total), nn.Sequential(*units)))
        head = mobilenet_v3_head(width, self.last, self.hidden, num_classes, self.dropout)
        return Network(nn.Sequential(OrderedDict(conv1=stem)), stages, head)


def group_by_resolution(rows: Sequence[BneckRow]) -> list[list[BneckRow]]:
    """Group the rows by the resolution of their output."""
    groups: list[list[BneckRow]] = []
    for row in rows:
        if row.stride > 1 or not groups:
            groups.append([])
        groups[-1].append(row)
    return groups


class InvertedResidual(nn.Module):
    """branch(x) + x; the projection is linear, so nothing follows the sum."""

    def __init__(self, branch: AttendedSequential) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        fresh = returns_fresh(self.branch[-1]) and not is_hooked(self.branch)
        return attend_add(self.branch(x), None, x, fresh)


def inverted_residual(in_channels: int, row: BneckRow, slots: Slots) -> nn.Module:
    """Expand by a 1x1, filter each channel, weigh, project by a linear 1x1; figure 4.

    Where nothing is expanded, in the first row of each table, there is no expanding convolution. The identity is
    added where the shapes agree.
    """
    branch: OrderedDict[str, nn.Module] = OrderedDict()
    if row.expanded != in_channels:
        branch["expand"] = conv_bn_act(in_channels, row.expanded, 1, norm=norm, activation=row.activation)
    branch["depthwise"] = depthwise(row, slots)
    gate = (slots.gate if row.se else no_gate)(row.expanded)
    if gate is not None:
        branch["attention"] = gate
    branch["project"] = conv_bn_act(row.expanded, row.channels, 1, norm=norm, activation=nn.Identity)
    same = row.stride == 1 and in_channels == row.channels
    layers = AttendedSequential(branch)
    return InvertedResidual(layers) if same else nn.Sequential(OrderedDict(branch=layers))


def depthwise(row: BneckRow, slots: Slots) -> nn.Module:
    """The unit's k x k with norm and activation, or what stands in its place."""
    if slots.convolution is not None:
        return slots.convolution(row.expanded, row.expanded, stride=row.stride)
    width = row.expanded
    return conv_bn_act(
        width, width, row.kernel_size, stride=row.stride, groups=width, norm=norm, activation=row.activation
    )


def mobilenet_v3_head(channels: int, last: int, hidden: int, num_classes: int, dropout: float) -> nn.Module:
    """1x1 convolution, pool, and two linear layers without norms; (B, channels, H, W) -> (B, num_classes)."""
    return nn.Sequential(
        OrderedDict(
            conv=conv_bn_act(channels, last, 1, norm=norm, activation=hard_swish),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            hidden=nn.Linear(last, hidden),
            activation=hard_swish(),
            dropout=nn.Dropout(dropout),
            fc=nn.Linear(hidden, num_classes),
        )
    )
