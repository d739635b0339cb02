"""A network whose gates are known: what is said of them, from images to summary."""

import math

import pytest
import torch
from torch import nn

from senet.data.transforms.evaluation import InputTransform
from senet.errors import DataError, UsageError
from senet.excitation.collect import NoGatesError, collect
from senet.excitation.statistics import Statistics
from senet.excitation.statistics.specificity import summarise_gate
from senet.inference.classifier import build_classifier


class Planted(nn.Module):
    """A gate that is ``make(mean brightness of a map)``."""

    def __init__(self, make):
        super().__init__()
        self.make, self.act = make, nn.Sigmoid()

    def forward(self, x):
        squeezed = x.mean((2, 3), keepdim=True)
        return x * self.act(self.make(squeezed))


class Network(nn.Module):
    def __init__(self, **gates):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 1, bias=False)
        nn.init.ones_(self.conv.weight)
        self.gates = nn.ModuleDict({name: Planted(make) for name, make in gates.items()})
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        maps = self.conv(x)
        return self.fc(sum(gate(maps) for gate in self.gates.values()).mean((2, 3)))


def batches(images=60, noise=0):
    """Images of 8 x 8 whose mean brightness, to a level of 10, is their class."""
    draw, labels = torch.Generator().manual_seed(0), torch.arange(images) % 3
    pixels = 40 * labels[:, None, None, None] + torch.randint(0, noise + 1, (images, 1, 8, 8), generator=draw)
    numbers = torch.arange(images)
    return [(pixels[i].to(torch.uint8), labels[i], numbers[i]) for i in numbers.split(16)]


def looked_at(network, data=None, classes=4):
    made = build_classifier(network, InputTransform((8, 8), 8, (0.0,), (1.0,)))
    found = collect(made, batches() if data is None else data, Statistics(classes, (0, 1)))
    return {name: summarise_gate(gate) for name, gate in found.statistics.gates.items()}, found


def test_a_constant_a_saturated_and_a_class_gate_are_told_apart():
    network = Network(
        constant=lambda z: 0 * z + 0.3,
        saturated=lambda z: 50 + 0 * z + 9 * z,
        of_the_class=lambda z: 4 * z,
        noisy=lambda z: z + 40 * (1000 * z).sin(),
    )
    gates, _ = looked_at(network, batches(noise=30))
    constant, saturated, of_the_class, noisy = (gates[f"gates.{name}"] for name in network.gates)
    assert constant.constant == 1
    assert math.isnan(constant.specificity.value)
    assert saturated.saturated_high == 1
    assert saturated.saturated_low == 0
    assert of_the_class.specificity.low > 0.9
    assert of_the_class.saturated == 0
    assert noisy.specificity.value < 0.3
    assert noisy.saturated > 0.5
    assert {gate.kind for gate in gates.values()} == {"channels"}


def test_a_gate_that_depends_on_the_class_alone_is_wholly_specific():
    gates, found = looked_at(Network(alone=lambda z: 4 * z))
    assert gates["gates.alone"].specificity.value == pytest.approx(1)
    assert gates["gates.alone"].rank == pytest.approx(1, abs=0.01)
    assert found.classes.tolist() == [20, 20, 20, 0]


def test_images_for_which_a_gate_is_nan_are_left_out_of_it_alone():
    network = Network(spoilt=lambda z: torch.where(z > 0.25, torch.nan, z), whole=lambda z: z)
    gates, _ = looked_at(network)
    assert (gates["gates.spoilt"].not_finite, gates["gates.whole"].not_finite) == (20, 0)
    assert gates["gates.spoilt"].profiles[0].images == 40
    assert gates["gates.whole"].profiles[0].images == 60


def test_a_network_without_gates_and_one_without_images_are_refused():
    with pytest.raises(NoGatesError, match="has no gate"):
        looked_at(nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    from senet.excitation.collect import _combined

    with pytest.raises(DataError, match="no image can be read"):
        _combined([looked_at(Network(a=lambda z: z), [])[1]])
    with pytest.raises(UsageError, match="there are 2 classes"):
        looked_at(Network(a=lambda z: z), classes=2)
