"""Inception-ResNet-v2 and SE-Inception-ResNet-v2, at 299x299.

Szegedy et al., arXiv 1602.07261, section 3 and figures 15 to 19; Hu et al. 1709.01507v4, table 2. The widths, the
numbers of blocks and the scales of the residuals are those of the code that the authors released with their
weights (TF-slim), with twice the blocks of the paper's figure and another stem. Convolutions that halve are
unpadded, as are two of the stem's, so a map is some pixels smaller than the image over its stride; images are at
least 75x75. SENet's table 2 prints 11.75 G multiply-adds, of a network that was not released; these have 13.16 G.

Slots: a gate on every residual branch, after its last convolution and before the scale and the sum, and one on
the concatenation of each of the three modules without a shortcut (5b, 6a, 7a). No file of the SE form was
released; this takes both rules of section 3.3 literally, the one for residual networks and the one for Inception
modules, to which SE-BN-Inception's released graph counts those of stride 2. There is no convolution slot.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from senet.attention import AttentionSpec, spec_names
from senet.attention.residual import attend_fresh
from senet.errors import UsageError
from senet.networks.inception import Inception
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots, no_gate
from senet.networks.resnet import classifier_head
from senet.ops.eager import is_hooked

norm = partial(nn.BatchNorm2d, eps=1e-3)  # the released code's epsilon


class ResidualInception(nn.Module):
    """activation(x + scale * attention(project(concat(branches(x)))))."""

    def __init__(
        self, inception: Inception, project: nn.Conv2d, attention: nn.Module | None, scale: float, activation: nn.Module
    ) -> None:
        super().__init__()
        self.branches, self.project, self.attention = inception.branches, project, attention
        self.scale, self.activation = scale, activation

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape of x, (B, C, H, W)."""
        y = self.project(torch.cat([branch(x) for branch in self.branches.values()], 1))
        out: Tensor = self.activation(
            torch.add(x, attend_fresh(y, self.attention, not is_hooked(self.project)), alpha=self.scale)
        )
        return out


@dataclass(frozen=True)
class BranchConv:
    """One convolution with its norm and ReLU.

    Args:
        channels: Of its output.
        kernel: Height and width.
        stride: In both directions.
        padded: Whether the padding keeps the size at stride 1; else there is none.
    """

    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padded: bool = True

    def build(self, in_channels: int) -> tuple[nn.Module, int]:
        """Build the layers; also the channels of their output."""
        padding = (self.kernel[0] // 2, self.kernel[1] // 2) if self.padded else 0
        convolution = nn.Conv2d(in_channels, self.channels, self.kernel, self.stride, padding, bias=False)
        layers = OrderedDict(conv=convolution, bn=norm(self.channels), relu=nn.ReLU(inplace=True))
        return nn.Sequential(layers), self.channels


@dataclass(frozen=True)
class BranchPool:
    """A pool."""

    make: Callable[[], nn.Module]

    def build(self, in_channels: int) -> tuple[nn.Module, int]:
        """Build the pool; it keeps the channels."""
        return self.make(), in_channels


Branch = tuple[str, tuple[BranchConv | BranchPool, ...]]


def build_layers(layers: Sequence[BranchConv | BranchPool], channels: int) -> tuple[nn.Sequential, int]:
    """Build layers one after the other; also the channels of the last."""
    built: list[nn.Module] = []
    for layer in layers:
        module, channels = layer.build(channels)
        built.append(module)
    return nn.Sequential(*built), channels


def inception(branches: Sequence[Branch], in_channels: int, gate: Callable[[int], nn.Module | None]) -> Inception:
    """Build a module of parallel branches, in the order of the concatenation."""
    built = {name: build_layers(layers, in_channels) for name, layers in branches}
    return Inception({name: module for name, (module, _) in built.items()}, gate(concat_width(branches, in_channels)))


def concat_width(branches: Sequence[Branch], in_channels: int) -> int:
    """Channels of the concatenation."""
    convolutions = [[layer.channels for layer in layers if isinstance(layer, BranchConv)] for _, layers in branches]
    return sum(channels[-1] if channels else in_channels for channels in convolutions)


@dataclass(frozen=True)
class InceptionResNetStage:
    """One stage after the stem: a module without a shortcut, then residual blocks of its width.

    Args:
        name: Of the first module, ``mixed_5b``.
        first: Its branches.
        block: Name of the blocks.
        branches: Of each block.
        depth: Number of blocks.
        scale: Of their residuals.
    """

    name: str
    first: tuple[Branch, ...]
    block: str
    branches: tuple[Branch, ...]
    depth: int
    scale: float

    def build(self, in_channels: int, slots: Slots) -> "OrderedDict[str, nn.Module]":
        """Build the stage."""
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers[self.name] = inception(self.first, in_channels, slots.gate)
        channels = concat_width(self.first, in_channels)
        for i in range(1, self.depth + 1):
            layers[f"{self.block}_{i}"] = self.residual(channels, slots, self.scale, nn.ReLU(inplace=True))
        return layers

    def residual(self, channels: int, slots: Slots, scale: float, activation: nn.Module) -> ResidualInception:
        """Build one block."""
        branches = inception(self.branches, channels, no_gate)
        project = nn.Conv2d(concat_width(self.branches, channels), channels, 1)
        return ResidualInception(branches, project, slots.gate(channels), scale, activation)


@dataclass(frozen=True)
class InceptionResNetSpec:
    """A published row.

    Args:
        stem: Layers to a quarter of the image.
        second: Layers of stage 2, at the same resolution.
        pool: Between the stages 2 and 3.
        stages: The stages 3 to 5; a block neither scaled nor rectified follows the last.
        last: The convolution after it.
        attention: What the row publishes, or None.
        dropout: Before the classifier.
        geometry: There is but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    stem: tuple[BranchConv | BranchPool, ...]
    second: tuple[BranchConv | BranchPool, ...]
    pool: BranchPool
    stages: tuple[InceptionResNetStage, ...]
    last: BranchConv
    attention: AttentionSpec | None = None
    dropout: float = 0.2
    geometry: Geometry | None = None
    num_classes: int = 1000
    size: int = 299

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_gates(self.attention)
        stem, channels = build_layers(self.stem, in_channels)
        second, channels = build_layers(self.second, channels)
        stages: list[tuple[Stage, nn.Module]] = [(Stage("stage2", channels, 4), second)]
        for i, row in enumerate(self.stages):
            layers = row.build(channels, slots)
            channels = concat_width(row.first, channels)
            if i == 0:
                layers = OrderedDict(pool=self.pool.make(), **layers)
            if i == len(self.stages) - 1:
                layers[f"{row.block}_{row.depth + 1}"] = row.residual(channels, slots, 1.0, nn.Identity())
                layers["last"], channels = self.last.build(channels)
            stages.append((Stage(f"stage{i + 3}", channels, 8 * 2**i), nn.Sequential(layers)))
        return Network(stem, stages, classifier_head(channels, num_classes, self.dropout))


def fill_gates(attention: AttentionSpec | None) -> Slots:
    """Assign a gate spec; any other is a UsageError."""
    slots = fill_slots(attention)
    if slots.convolution is not None:
        raise UsageError(
            f"Inception-ResNet has no slot for {attention!r}: its blocks mix kernels of many shapes",
            do=f"pass a gate spec, {spec_names('gate')}, or None",
        )
    return slots
