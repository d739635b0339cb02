"""A gate of a model: what it weighs, where its values are read, and in which shape they are kept."""

from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

from senet.excitation.recording.origin import GateOrigin
from senet.insertion.places.existing_attention import Shape
from senet.insertion.trace.graph import TensorNode


class Kind(Enum):
    """What a gate weighs."""

    CHANNELS = "channels"
    POSITIONS = "positions"
    BRANCHES = "branches"
    CONTEXT = "context"
    """Nothing: it is added to channels (1904.11492)."""


@dataclass(frozen=True)
class GateLayout:
    """How the values of a gate lie in the tensor in which they are read.

    Args:
        channels: How many an image has; of branches, the channels of one; 0 for a gate over positions.
        branches: How many; 0 where they are not what is weighed.
        branch_first: Whether the axis of the branches lies before that of the images.
        groups: In how many rows of the batch the channels of one image lie.
        spatial: The axes of the positions, from the first to before the last.
        rows: Of a block whose gate may return a row for each position, (B N, C): in how many rows of the batch at the
            gate each row of the model's batch lies; 0 for all others.
    """

    channels: int = 0
    branches: int = 0
    branch_first: bool = False
    groups: int = 1
    spatial: tuple[int, int] = (0, 0)
    rows: int = 0


@dataclass(eq=False)
class Gate:
    """One gate of a model.

    Args:
        name: Of the module that computes it.
        kind: What it weighs.
        origin: Where its values can be read.
        bounds: Lower and upper end of its range; infinite where it has none or it is not known.
        layout: How they lie there.
        values: Of the last forward pass: (B, C), (B, *S) or (B, M, C), in float32; None if it did not run in it. Of
            weights for every channel at every position, the means over the positions; of weights for every position
            in each group of channels, the means over the groups. B is the batch at the gate: a model that runs the
            frames or crops of an image as images has more there.
        runs: How often it ran since the recording began.
    """

    name: str
    kind: Kind
    origin: GateOrigin
    bounds: tuple[float, float]
    layout: GateLayout
    values: Tensor | None = field(default=None, repr=False)
    runs: int = 0

    @property
    def slow(self) -> bool:
        """Whether no module returns it, so that all operators are watched where it is used."""
        return self.origin.operator > 0

    def take(self, raw: Tensor, images: int | None) -> bool:
        """Keep what was read as values; return False for a tensor of another kind than when the gate was found.

        Args:
            raw: What was read.
            images: Of the model's batch, where it is known.
        """
        try:
            values = self._shaped(unexpand(raw.detach()).to(dtype=torch.float32, copy=True), images)
        except (RuntimeError, IndexError, ZeroDivisionError):  # no number of rows fits these channels
            return False
        self.values = values
        self.runs += 1
        return True

    def _shaped(self, raw: Tensor, images: int | None) -> Tensor:
        how = self.layout
        if self.kind is Kind.POSITIONS:
            start, stop = how.spatial
            return raw.reshape(-1, how.groups, *raw.shape[start:stop]).mean(1)
        if self.kind is Kind.BRANCHES:
            if how.branch_first:
                return raw.reshape(how.branches, -1, how.channels).transpose(0, 1)
            return raw.reshape(-1, how.branches, how.channels)
        if how.rows and images and raw.shape[0] != how.rows * images:
            return raw.reshape(how.rows * images, -1, how.channels).mean(1)
        return raw.reshape(raw.shape[0] // how.groups, how.channels, -1).mean(2)


def unexpand(raw: Tensor) -> Tensor:
    """Return a tensor as it was before it was expanded."""
    for axis, stride in enumerate(raw.stride()):
        if stride == 0 and axis > 0:
            raw = raw.narrow(axis, 0, min(1, raw.shape[axis]))
    return raw


@dataclass(frozen=True, eq=False)
class FoundGate:
    """A gate in a recorded pass.

    Args:
        index: Of the values of the pass, that of its weights.
        gate: The gate.
    """

    index: int
    gate: Gate


def spatial_axes(raw: TensorNode, sizes: Shape) -> tuple[int, int]:
    """Return the axes of positions, from the first to before the last: of (B, 1, *S), (B, *S) or (B, *S, 1).

    Args:
        raw: As the weights are read.
        sizes: Of the positions, S.
    """
    start = 2 if raw.shape[2:] == sizes and not raw.last else 1
    return start, start + len(sizes)
