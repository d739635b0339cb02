"""The range of a gate, found by trying it."""

import pytest
from torch import nn
from tutorial_networks import HSigmoid

from senet.attention import UnitGate
from senet.attention.bounds import UNBOUNDED, gate_bounds

INF = float("inf")
ENDS = {
    nn.Sigmoid: (0, 1),
    nn.Hardsigmoid: (0, 1),
    HSigmoid: (0, 1),
    nn.ReLU6: (0, 6),
    nn.Tanh: (-1, 1),
    nn.Hardtanh: (-1, 1),
    nn.Softsign: (-1, 1),
    nn.ReLU: (0, INF),
    nn.Softplus: (0, INF),
    nn.LogSigmoid: (-INF, 0),
    nn.Identity: UNBOUNDED,
    nn.LeakyReLU: UNBOUNDED,
}


@pytest.mark.parametrize(("kind", "ends"), ENDS.items(), ids=lambda v: getattr(v, "__name__", None))
def test_activations_and_unit_gates_around_them(kind, ends):
    gate = kind()
    assert gate_bounds(gate) == pytest.approx(ends, abs=1e-3)
    doubled = UnitGate(gate, 2.0, -0.5)
    assert gate_bounds(doubled) == pytest.approx(tuple(2 * end - 0.5 for end in ends), abs=1e-3)


@pytest.mark.parametrize(("gate", "low"), [(nn.Hardswish(), -0.375), (nn.SiLU(), -0.2785), (nn.GELU(), -0.17)])
def test_an_end_near_zero(gate, low):
    assert gate_bounds(gate) == (pytest.approx(low, abs=1e-3), INF)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_over_any_axis(axis):
    assert gate_bounds(nn.Softmax(axis)) == (0, 1)


def test_in_place_and_hooks():
    gate = nn.ReLU6(inplace=True)
    gate.register_forward_hook(lambda *_: pytest.fail("a hook ran"))
    assert gate_bounds(gate) == (0, 6)


class Takes(nn.Module):
    def __init__(self, returns):
        super().__init__()
        self.returns = returns

    def forward(self, x):
        return self.returns(x)


def refuse(x):
    raise RuntimeError("two axes only")


OTHER = {
    "another shape": lambda x: x.flatten(),
    "a tuple": lambda x: (x, x),
    "nan": lambda x: x / 0 * 0,
    "whole numbers": lambda x: x.clamp(0, 1).long(),
    "an error": refuse,
}


@pytest.mark.parametrize("module", [nn.PReLU(), nn.Linear(2, 2), *map(Takes, OTHER.values())])
def test_what_is_nothing_of_the_kind_has_no_ends(module):
    assert gate_bounds(module) == UNBOUNDED
