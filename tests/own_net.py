"""A module of a user's as text: a network with a stem, one residual unit and a classifier."""

TEXT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, {width}, 3, {stride}, 1), nn.Linear({width}, {classes})
        self.conv, self.bn = nn.Conv2d({width}, {width}, 3, padding=1), nn.BatchNorm2d({width})

    def forward(self, x):
        x = self.stem(x).relu()
        return self.fc((x + self.bn(self.conv(x))).relu().mean((2, 3)))
"""


def text(width=16, classes=4, stride=1):
    return TEXT.format(width=width, classes=classes, stride=stride)
