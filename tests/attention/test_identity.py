# A gate that starts at one does so exactly, or is refused.

import pytest
import torch
from torch import nn

from senet.attention import unit_gate
from senet.errors import UsageError


class Shifted(nn.Module):
    """sigmoid(x) + shift."""

    def __init__(self, shift):
        super().__init__()
        self.shift = shift

    def forward(self, x):
        return torch.sigmoid(x) + self.shift


def test_a_gate_whose_value_at_zero_has_no_exact_factor_is_refused_and_any_other_is_exactly_one():
    refused = 0
    for gate in (nn.Softplus(), nn.Softplus(beta=3), *(Shifted(k / 97) for k in range(97))):
        layer = nn.Linear(3, 3)
        try:
            started = unit_gate(gate, layer)
        except UsageError as error:
            assert "no factor makes exactly one" in error.what  # noqa: PT017  # which of them are refused is torch's rounding
            refused += 1
            continue
        assert torch.equal(started(layer(torch.randn(2, 3))), torch.ones(2, 3))
    assert 0 < refused < 99


@pytest.mark.parametrize("gate", [nn.Sigmoid(), nn.Hardsigmoid(), Shifted(1.0)], ids=repr)
def test_halves_and_three_halves_become_one(gate):
    layer = nn.Linear(3, 3)
    assert torch.equal(unit_gate(gate, layer)(layer(torch.randn(2, 3))), torch.ones(2, 3))
