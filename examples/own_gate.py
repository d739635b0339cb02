"""A block of one's own: `senet compare --variants none "own_gate:OwnGate(k=3)"`, from the folder of this file."""

import torch
from torch import nn

from senet.attention import Effect, unit_gate


class OwnGate(nn.Module):
    """Weigh each channel by a gate that sees the means of its k neighbours; x (B, C, H, W) -> (B, C, H, W)."""

    effect = Effect.MULTIPLIES

    def __init__(self, channels: int, k: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, k, padding="same")
        self.gate: nn.Module = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x * weights(x)."""
        return x * self.weights(x)

    def weights(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weights, (B, C, 1, 1)."""
        z = self.conv(x.mean((2, 3))[:, None])[:, 0]
        weights: torch.Tensor = self.gate(z)
        return weights[:, :, None, None]

    def start_as_identity(self) -> None:
        """Change nothing until training moves the kernel."""
        self.gate = unit_gate(self.gate, self.conv)
