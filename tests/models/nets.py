# Modules of a user's own: the good, and those that a factory may turn out to be.
import torch
from torch import nn

from senet.models.factory.build_model import build_model
from senet.models.factory.config import ModelConfig
from senet.models.factory.name import read_name
from senet.weights.infer_network import NetworkOptions


class Unit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + x).relu()


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.unit1 = Unit(16)
        self.unit2 = Unit(16)
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        return self.fc(self.unit2(self.unit1(self.stem(x).relu())).mean((2, 3)))


class Fickle(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > -1e9 else x


class Tied(Net):
    def __init__(self):
        super().__init__()
        self.unit2.conv2.weight = self.unit1.conv2.weight


def broken():
    raise KeyError("width")


def text():
    return "a network"


def five_classes():
    return Net(5)


def with_argument(classes):
    return Net(classes)


built = Net()
SIDE = 16
IMAGE = (1, 3, SIDE, SIDE)


def named(source, classes=None, **choice):
    """A model as a user names it."""
    return build_model(ModelConfig(read_name(source), NetworkOptions(num_classes=classes, **choice)))


def logits(model, channels=3, side=32):
    x = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.eval()(x.to(next(model.parameters()).dtype))
