"""Start a gate at exactly one, so that an inserted block changes nothing until it is trained.

With the last layer before the gate at zero, the gate's weights are its value at zero, c. Where c > 0 they are
scaled by 1/c; a gate that passes through zero, tanh, is raised by one; a ReLU gets a bias of one.
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


def preserve(block: nn.Module, spec: object) -> nn.Module:
    """Make every gate of a fresh block start at one, in place.

    A block says which layer feeds its gate by its attribute ``last``.

    Raises:
        UsageError: A gate of it cannot start at one.
    """
    gates: list[Any] = [module for module in block.modules() if hasattr(module, "gate") and hasattr(module, "last")]
    if not gates:
        raise _refusal(spec, "its weights cannot start at one")
    for module in gates:
        nn.init.zeros_(module.last.weight)
        if module.last.bias is not None:
            nn.init.zeros_(module.last.bias)
        module.gate = _started_at_one(module.gate, module.last, spec)
    return block


def _started_at_one(gate: nn.Module, last: Any, spec: object) -> nn.Module:
    below, zero, one = (gate(torch.tensor(x, device="cpu")).item() for x in (-0.5, 0.0, 1.0))
    if zero > 0 and zero * (1 / zero) == 1:
        return UnitGate(gate, 1 / zero, 0.0)
    if zero == 0 and below != 0:  # it passes through zero, so that both signs of its input move it
        return UnitGate(gate, 1.0, 1.0)
    if one == 1 and last.bias is not None:
        nn.init.ones_(last.bias)
        return gate
    raise _refusal(spec, f"its gate is {zero:g} at zero and flat there, and no bias can lift it")


def _refusal(spec: object, why: str) -> UsageError:
    return UsageError(
        f'{spec} cannot be inserted with init="preserve": {why}',
        do='insert it with --init paper (init="paper")',
    )
