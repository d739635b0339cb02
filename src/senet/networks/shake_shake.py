"""Shake-Shake for CIFAR: Gastaldi, arXiv 1705.07485, and github.com/xgastaldi/shake-shake.

    x_{i+1} = x_i + alpha F(x_i, W_1) + (1 - alpha) F(x_i, W_2)         (eq. 2)

with alpha drawn for each image and unit in the forward pass and another number in the backward pass (the
paper's Shake-Shake-Image); both are one half in evaluation. F is ReLU, 3x3, norm, ReLU, 3x3, norm; nothing
follows the sum, and a ReLU stands before the classifier.

Slots: a gate on the mixture of both branches, which is what SENet calls the non-identity branch, before the
sum (the SENet paper does not say where its gates are); a convolution in the place of each branch's first 3x3.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from senet.attention import SE, AttentionSpec
from senet.layers import conv, conv_bn
from senet.networks.network import Geometry, Network, Slots, Stage, fill_slots
from senet.networks.preact import SumUnit
from senet.networks.resnet import classifier_head, spatial


class ShakeFunction(torch.autograd.Function):
    """Convex combination whose gradient is that of another combination."""

    @staticmethod
    def forward(a: Tensor, b: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Return alpha a + (1 - alpha) b; a and b are (B, C, H, W), alpha and beta (B, 1, 1, 1)."""
        return alpha * a + (1 - alpha) * b

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Keep beta."""
        ctx.save_for_backward(inputs[3])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None, None]:
        """Hand beta of the gradient to a and 1 - beta to b."""
        (beta,) = ctx.saved_tensors
        return beta * gradients[0], (1 - beta) * gradients[0], None, None


class Shake(nn.Module):
    """Mix two branches, (B, C, H, W) each: at random in training, by halves in evaluation.

    Both coefficients are drawn from torch's generator in the forward pass, so that a seed fixes them whatever
    the order of the backward pass; the author draws the second in the backward pass. A graph of ``torch.fx`` keeps
    the mode that it was traced in.
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, C, H, W) twice -> (B, C, H, W)."""
        return _shaken(a, b, self.training)


@fx.wrap  # symbolic tracing would look through Mix and lose the gradient of another combination
def _shaken(a: Tensor, b: Tensor, training: bool) -> Tensor:
    if not training:
        return 0.5 * (a + b)
    alpha, beta = torch.rand(2, a.shape[0], 1, 1, 1, device=a.device).to(a.dtype)
    mixed: Tensor = ShakeFunction.apply(a, b, alpha, beta)
    return mixed


class Branches(nn.Module):
    """Two branches of the same shape, mixed; the ReLU before them is theirs, not the shortcut's."""

    def __init__(self, branch: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.branch1, self.branch2 = branch(), branch()
        self.shake = Shake()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/stride, W/stride)."""
        x = self.relu(x)
        mixed: Tensor = self.shake(self.branch1(x), self.branch2(x))
        return mixed


class TwoPaths(nn.Module):
    """Shortcut that changes channels: a 1x1 on x and one on x shifted by a pixel, half of the channels each.

    With stride 2 the paths see different pixels. The shift goes right and down, as in the author's file.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.stride = stride
        self.relu = nn.ReLU()
        self.conv1 = conv(in_channels, half, 1)
        self.conv2 = conv(in_channels, out_channels - half, 1)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H/stride, W/stride)."""
        x = self.relu(x)
        paths = [path[:, :, :: self.stride, :: self.stride] for path in (x, F.pad(x, (1, -1, 1, -1)))]
        y: Tensor = self.bn(torch.cat([self.conv1(paths[0]), self.conv2(paths[1])], dim=1))
        return y


@dataclass(frozen=True)
class ShakeShakeSpec:
    """A published network of three stages.

    Args:
        depths: Units in each stage.
        channels: Of each stage; the first is the d of the name.
        attention: What the row publishes, or None.
        geometry: The network has but one.
        num_classes: Of the published classifier.
        size: Height and width of the images that it is published for.
    """

    depths: tuple[int, ...] = (4, 4, 4)
    channels: tuple[int, ...] = (96, 192, 384)
    attention: AttentionSpec | None = None
    geometry: Geometry | None = None
    num_classes: int = 10
    size: int = 32

    def build(self, num_classes: int, in_channels: int) -> Network:
        """Build the network with torch's own initialisation."""
        slots = fill_slots(self.attention)
        width, total, stages = 16, 1, []
        stem = nn.Sequential(OrderedDict(conv1=conv_bn(in_channels, width, 3)))  # no ReLU, as in the author's file
        for i, (depth, channels) in enumerate(zip(self.depths, self.channels, strict=True)):
            stride = 1 if i == 0 else 2
            shapes = [(width, stride)] + [(channels, 1)] * (depth - 1)
            layers = nn.Sequential(*(unit(before, channels, step, slots) for before, step in shapes))
            width, total = channels, total * stride
            stages.append((Stage(f"stage{i + 2}", width, total), layers))
        return Network(stem, stages, head(width, num_classes))


def unit(in_channels: int, channels: int, stride: int, slots: Slots) -> SumUnit:
    """Two branches, their gate and the shortcut."""

    def branch() -> nn.Module:
        conv1 = spatial(in_channels, channels, stride, slots)
        return nn.Sequential(OrderedDict(conv1=conv1, conv2=conv_bn(channels, channels, 3)))

    same = in_channels == channels and stride == 1
    shortcut = nn.Identity() if same else TwoPaths(in_channels, channels, stride)
    return SumUnit(nn.Identity(), Branches(branch), shortcut, slots.gate(channels))


def head(channels: int, num_classes: int) -> nn.Module:
    """The last ReLU, then the classifier of the ResNets."""
    linear = classifier_head(channels, num_classes, dropout=0.0)
    return nn.Sequential(OrderedDict([("relu", nn.ReLU()), *linear.named_children()]))


# 26 layers on the longest path, two branches. The reduction for CIFAR is not stated: SENet's usual 16.
ROWS: dict[str, ShakeShakeSpec] = {
    "shake_shake_26_2x96d": ShakeShakeSpec(),
    "se_shake_shake_26_2x96d": replace(ShakeShakeSpec(), attention=SE()),
}
