"""The range of a gate: between which ends its weights lie, whatever its layers are."""

import torch
from torch import Tensor, nn

FAR = 1e4
"""An input at which whatever saturates has done so."""
FARTHER = 1e6
STILL_MOVING = 1e-2
"""What moves by more than this from one to the other has no end there."""

UNBOUNDED = -float("inf"), float("inf")
NEAR = 0.01
"""A value is saturated where it is this close to an end of its range, as a share of the range (or of 1)."""


def gate_bounds(gate: nn.Module) -> tuple[float, float]:
    """Return the lower and upper end of what an activation returns, by trying it near zero and far on either side.

    Its hooks do not run; what it does to its buffers and to random numbers, it does.

    Args:
        gate: Elementwise, or a softmax over any axis, without parameters: a sigmoid, tanh, ReLU, ``relu6(x + 3) / 6``,
            a :class:`~senet.attention.UnitGate` around one of them.

    Returns:
        -inf and inf where it has no end, or is nothing of the kind. An end that lies between two points of the trial,
        as the lower one of SiLU, is exact to a few digits.
    """
    if any(True for _ in gate.parameters()):
        return UNBOUNDED
    device = next(gate.buffers(), torch.zeros(())).device
    near = torch.linspace(-8, 8, 4097, device=device).expand(1, 1, 1, -1)
    probes = near, FAR * _signs(device), FARTHER * _signs(device)
    lows, highs = zip(*(_ends(gate, probe) for probe in probes), strict=True)
    low = UNBOUNDED[0] if lows[2] < lows[1] - STILL_MOVING else min(lows)
    return low, UNBOUNDED[1] if highs[2] > highs[1] + STILL_MOVING else max(highs)


def saturated(values: Tensor, ends: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Say of each value whether it is saturated at the lower end of a range, and at the upper."""
    low, high = ends
    near = NEAR * (high - low if high - low < float("inf") else 1.0)
    return values <= low + near, values >= high - near


def _signs(device: torch.device) -> Tensor:
    """Return both signs along each of four axes: a softmax over any of them is at its ends."""
    signs = torch.tensor([1.0, -1.0], device=device)
    return torch.einsum("a,b,c,d->abcd", signs, signs, signs, signs)


def _ends(gate: nn.Module, probe: Tensor) -> tuple[float, float]:
    try:
        with torch.no_grad():
            out = gate.forward(probe.clone())  # it may work in place
    except Exception:  # a module of anyone's may raise anything
        return UNBOUNDED
    if not isinstance(out, Tensor) or out.shape != probe.shape or not out.is_floating_point() or out.isnan().any():
        return UNBOUNDED
    return out.min().item(), out.max().item()
