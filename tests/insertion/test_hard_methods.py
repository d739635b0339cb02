"""Blocks in modules whose methods do what users' methods do: call, replace, set and slice."""

from functools import partial
from types import MethodType

import pytest
import torch
from hard import PLACES, Net, Unit, images, inserted, once, runs
from torch import nn

from senet import remove
from senet.errors import UsageError


def _default(unit):
    old = unit.forward
    return MethodType(lambda self, x, old=old: old(x), unit)


def _closure(unit):
    old = unit.forward
    return MethodType(lambda self, x: old(x), unit)


def _attribute(unit):
    unit._old = unit.forward
    return MethodType(lambda self, x: self._old(x), unit)


def _partial_that_calls(unit):
    unit._old = unit.forward
    return partial(lambda self, x: self._old(x), unit)


def _anew(unit):
    return MethodType(Unit.forward, unit)


def _partial_anew(unit):
    return partial(Unit.forward, unit)


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("put", [_default, _closure, _attribute, _partial_that_calls, _anew, _partial_anew])
def test_a_forward_that_replaces_or_calls_the_one_before_runs_blocks_once(put, where):
    model = inserted(Net(), where)
    expected = model(images())
    for unit in model.units:
        unit.forward = put(unit)
    assert torch.equal(model(images()), expected)
    assert runs(model, model) == once(model)


class Encoder(nn.Module):
    """Users call what forward calls."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def encode(self, x):
        return torch.cat([self._features(part) for part in (x,)])

    def _features(self, x):
        return self.bn(self.conv(x))

    def forward(self, x):
        return self.fc(self.encode(x).mean((2, 3)))


@pytest.mark.parametrize("name", ["forward", "encode", "_features"])
def test_methods_that_forward_calls_run_blocks_when_they_are_called_alone(name):
    model = inserted(Encoder(), "bn")
    plain = remove(model)
    if name != "forward":
        expected = model.bn_attention(getattr(plain, name)(images()))
        assert torch.equal(getattr(model, name)(images()), expected)
    assert runs(model, getattr(model, name)) == once(model)


class Bound(Encoder):
    """Chooses in its constructor which of its methods runs."""

    def __init__(self):
        super().__init__()
        self.chosen = self.encode

    def forward(self, x):
        return self.fc(self.chosen(x).mean((2, 3)))


def test_methods_kept_as_attributes_run_blocks():
    model = inserted(Bound(), "bn")
    assert runs(model, model) == once(model)
    model = inserted(Encoder(), "bn")
    model.encode = MethodType(lambda self, x: self.bn(self.conv(x)), model)
    assert runs(model, model) == once(model)


class Stateful(Unit):
    """Sets in its forward what can be set."""

    def __init__(self):
        super().__init__()
        self.calls, self._scale = 0, 1.0
        self.register_buffer("steps", torch.zeros(()))

    @property
    def scale(self):
        return self._scale

    @scale.setter
    def scale(self, value):
        self._scale = value

    def forward(self, x):
        self.calls += 1
        self.steps = self.steps + 1
        self.scale = float(self.calls)
        assert self.scale == self._scale == self.calls
        if self.calls == 3:
            self.add_module("added", nn.Identity())
            self.set = nn.Identity()
            self.register_buffer("kept", torch.ones(()))
            self.later = nn.Parameter(torch.ones(()))
        return super().forward(x)


def test_what_a_forward_sets_is_on_the_module():
    model = inserted(Net(Stateful))
    unit = model.units[0]
    unit.calls = 0
    unit.steps.zero_()
    for _ in range(4):
        model(images())
    added = unit.added
    model(images())
    assert (unit.calls, unit.scale, unit.steps.item()) == (5, 5.0, 5)
    assert unit.added is added
    assert {"units.0.added", "units.0.set"} <= dict(model.named_modules()).keys()
    assert {"units.0.kept", "units.0.later"} <= model.state_dict().keys()


class Layers(nn.ModuleList):
    """Keeps something beside its modules, and slices itself in forward."""

    def __init__(self, modules=(), drop=0.0):
        super().__init__(modules)
        self.drop = drop


class Sliced(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.fc = Layers([nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()]), nn.Linear(4, 3)

    def forward(self, x):
        for layer in self.layers[:1] + self.layers[1:]:
            x = layer(x)
        return self.fc(x.mean((2, 3)))


def test_a_list_that_forward_slices_runs_blocks():
    model = inserted(Sliced(), "layers.1")
    assert runs(model, model) == once(model)


def test_layers_of_a_sequential_can_be_compiled_and_refuse_another_class():
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = inserted(nn.Sequential(layers, nn.Linear(4, 3)), "0.0")
    expected = model(images())
    model[0][0].compile(backend="eager")
    y = images()
    for layer in model[0]:
        y = layer(y)
    assert torch.allclose(model[1](y), expected, atol=1e-6)
    assert torch.allclose(model(images()), expected, atol=1e-6)
    with pytest.raises(UsageError, match="cannot be made a ParametrizedConv2d"):
        nn.utils.parametrizations.weight_norm(model[0][0])


def test_a_unit_that_is_given_keywords_alone_is_refused_in_words_where_its_input_is_weighed():
    model = inserted(Net(), "identity")
    with pytest.raises(UsageError) as error:
        model.units[0](x=torch.randn(1, 4, 8, 8))
    assert "units.0.attention" in error.value.what
