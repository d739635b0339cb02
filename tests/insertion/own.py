"""Networks as users write them: functional calls, shortcuts that are no modules, control flow on values."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PreActivation(nn.Module):
    """He et al. 1603.05027: norm and ReLU before each convolution; the first ReLU is shared with the shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inside), nn.BatchNorm2d(outside)
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.project = nn.Conv2d(inside, outside, 1, stride, bias=False) if inside != outside else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(x))
        shortcut = x if self.project is None else self.project(y)
        return shortcut + self.conv2(F.relu(self.bn2(self.conv1(y))))


class OptionA(nn.Module):
    """A ResNet for CIFAR: the shortcut is a slice of the input, padded with zeros."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outside), nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.stride, self.more = stride, outside - inside

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = x
        if self.more:
            half = self.more // 2
            shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.more - half))
        out += shortcut
        return F.relu(out)


class PyramidUnit(nn.Module):
    """Han et al. 1610.02915: every unit is a little wider than the last, its shortcut padded with zeros."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inside),
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        branch = self.branch(x)
        zeros = x.new_zeros(x.shape[0], branch.shape[1] - x.shape[1], *x.shape[2:])
        return branch + torch.cat([x, zeros], 1)


class FlowUnit(nn.Module):
    """A residual unit with a branch in the code that depends on what it computes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(torch.relu(self.conv1(x)))
        if out.mean() > 1e6:
            raise OverflowError("diverged")
        return x + out


class HardLayer(nn.Module):
    """Chao et al. 1909.00948: a layer that reads some of the layers before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, growth, 3, padding=1), nn.BatchNorm2d(growth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, F.relu(self.bn(self.conv(x)))], 1)


def classifier(stem: nn.Module, channels: int, *units: nn.Module) -> nn.Module:
    """Chain a stem, units and a linear classifier."""
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return nn.Sequential(stem, *units, *head)


def stem(channels: int) -> nn.Module:
    return nn.Conv2d(3, channels, 3, 2, 1)


def option_a() -> nn.Module:
    stages = [
        nn.Sequential(OptionA(8, 8, 1), OptionA(8, 8, 1)),
        nn.Sequential(OptionA(8, 16, 2), OptionA(16, 16, 1)),
        nn.Sequential(OptionA(16, 32, 2), OptionA(32, 32, 1)),
    ]
    return classifier(stem(8), 32, *stages)


def preactivation() -> nn.Module:
    stages = [
        nn.Sequential(PreActivation(8, 8, 1), PreActivation(8, 8, 1)),
        nn.Sequential(PreActivation(8, 16, 2), PreActivation(16, 16, 1)),
    ]
    return classifier(stem(8), 16, *stages)


OWN = {
    "preactivation": preactivation,
    "option_a": option_a,
    "pyramid": lambda: classifier(stem(8), 32, *(PyramidUnit(8 + 4 * i, 12 + 4 * i) for i in range(6))),
    "flow": lambda: classifier(stem(8), 8, FlowUnit(8), FlowUnit(8), FlowUnit(8)),
    "hardnet": lambda: classifier(stem(8), 24, *(HardLayer(8 + 4 * i, 4) for i in range(4))),
}
