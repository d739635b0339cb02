"""A network whose blocks lie at every kind of place: in a unit, in a list, in a sequence, around a unit."""

import torch
from torch import nn


class Pair(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(y)))


class Listed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(x + norm(conv(x)))
        return x


class Sequenced(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.Identity()
        )

    def forward(self, x):
        return torch.relu(x + self.branch(x))


def sequence(*units):
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), *units, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


def net():
    return sequence(Pair(8), Listed(8), Sequenced(8), Pair(8))


def units():
    return sequence(Pair(8), Sequenced(8))
