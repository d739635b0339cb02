"""A small residual network written as a user would: functional ReLU, a shortcut that is no module, a projection."""

import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels // 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = nn.Conv2d(channels // 2, channels // 2, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels // 2)
        self.conv3 = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1 or before != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        y += shortcut
        return F.relu(y)


class Tiny(nn.Module):
    def __init__(self, units=2):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.stage1 = nn.Sequential(*(Unit(16, 16, 1) for _ in range(units)))
        self.stage2 = nn.Sequential(Unit(16, 32, 2), *(Unit(32, 32, 1) for _ in range(units - 1)))
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        x = self.stage2(self.stage1(self.stem(x)))
        return self.fc(self.dropout(x.mean((2, 3))))


SHAPE = (1, 3, 12, 12)


def restless(model: nn.Module) -> nn.Module:
    """Give norms weights and running statistics that make every layer matter."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2.0)
    return model


def tiny(units: int = 2) -> Tiny:
    """Return the network, every layer of which matters."""
    torch.manual_seed(0)
    return restless(Tiny(units))


def images(n: int = 4) -> torch.Tensor:
    return torch.randn(n, *SHAPE[1:], generator=torch.Generator().manual_seed(1))
