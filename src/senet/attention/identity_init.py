"""How a gate starts at exactly one, so that an inserted block changes nothing until it is trained.

With the layers that feed the gate at zero, its weights are its value at zero, c. Where c > 0 they are scaled by 1/c; a
gate that passes through zero, tanh, is raised by one; a ReLU gets a bias of one.
"""

from typing import Any

import torch
from torch import Tensor, nn

from senet.errors import UsageError


class UnitGate(nn.Module):
    """scale * gate(x) + shift, which is one at x = 0.

    Scale and shift are buffers, so that weights that were trained with them do not load without.

    Args:
        gate: The gate itself, elementwise.
        scale: What it is multiplied with.
        shift: What is added then.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, gate: nn.Module, scale: float, shift: float) -> None:
        super().__init__()
        self.gate = gate
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("shift", torch.tensor(shift))

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise, any shape."""
        weights: Tensor = self.gate(x) * self.scale + self.shift
        return weights


def zero_init(*layers: nn.Module) -> None:
    """Set weight and bias of layers to zero, in place."""
    for layer in layers:
        for parameter in layer.parameters(recurse=False):
            nn.init.zeros_(parameter)


def unit_gate(gate: nn.Module, *fed_by: nn.Module) -> nn.Module:
    """Return a gate in the place of another, which is exactly one as long as what feeds it is as it is left here.

    Args:
        gate: Elementwise.
        fed_by: The last layers before it, linear, convolution or norm; they are set to zero, in place.

    Raises:
        UsageError: It cannot be one there and still learn.
    """
    zero_init(*fed_by)
    below, zero, one = (gate(torch.tensor(x, device="cpu")).item() for x in (-0.5, 0.0, 1.0))
    if zero > 0 and _factor_is_exact(zero):
        return UnitGate(gate, 1 / zero, 0.0)
    if zero == 0 and below != 0:  # it passes through zero, so that both signs of its input move it
        return UnitGate(gate, 1.0, 1.0)
    biases = [bias for bias in (_bias(layer) for layer in fed_by) if bias is not None]
    if one == 1 and biases:
        nn.init.ones_(biases[0])
        return gate
    if zero > 0:
        raise UsageError(f"its gate is {zero:g} at zero, and no factor makes exactly one of that")
    raise UsageError(f"its gate is {zero:g} at zero and flat there, and no bias can lift it")


def _factor_is_exact(zero: float) -> bool:
    """Whether 1 / zero, rounded as UnitGate holds it, brings the gate to exactly one."""
    value, factor = (torch.tensor(x, device="cpu") for x in (zero, 1 / zero))
    return (value * factor).item() == 1


def _bias(layer: Any) -> nn.Parameter | None:
    bias: nn.Parameter | None = layer.bias
    return bias
