"""A small residual network, to which tests give units as users write them."""

from collections import Counter

import torch
import torch.nn.functional as F
from torch import nn

from senet import SE, blocks, insert

SHAPE = (2, 3, 8, 8)
PLACES = ("standard", "pre", "post", "identity")


class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Net(nn.Module):
    def __init__(self, unit=Unit):
        super().__init__()
        self.stem, self.units, self.fc = nn.Conv2d(3, 4, 1), nn.Sequential(unit(), unit()), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.units(self.stem(x)).mean((2, 3)))


def images():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))


def inserted(model, where="standard"):
    torch.manual_seed(0)
    return insert(model, SE(reduction=2), where=where, example=SHAPE).eval()


def runs(model, call):
    """Count the runs of every block by its own hook."""
    counted = Counter(dict.fromkeys(blocks(model), 0))
    for name in blocks(model):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: counted.update([name]))
    with torch.no_grad():
        call(images())
    return dict(counted)


def once(model):
    return dict.fromkeys(blocks(model), 1)
