"""A place in a model where a block can go, and what it would cost there."""

from dataclasses import dataclass
from typing import Literal

import torch

from senet.accounting import Work, cost
from senet.attention import AttentionSpec
from senet.errors import UsageError
from senet.insertion.hosts import Anchor
from senet.insertion.units import Kind

Strategy = Literal["standard", "pre", "post", "identity", "conv3x3"]
STRATEGIES: tuple[Strategy, ...] = ("standard", "pre", "post", "identity", "conv3x3")


@dataclass(frozen=True)
class Kernel:
    """The convolution at a ``conv3x3`` place, which a selective kernel may replace.

    Args:
        module: Its name.
        in_channels: Of its input.
        stride: Its own.
        size: Of its kernel.
        rectified: Whether a ReLU follows, after the norm if there is one.
    """

    module: str
    in_channels: int
    stride: int
    size: int
    rectified: bool


@dataclass(frozen=True)
class Place:
    """Where a block can go.

    Args:
        name: The module that will carry it.
        kind: Of the unit that it is in: ``residual``, ``concat``, ``dense``, ``separable``, ``conv``; ``module``
            for one that was asked for by name.
        strategy: The paper's name of the place in the unit, None for a module asked for by name.
        stage: As in the papers, 2 is the first residual stage.
        channels: Of the map there.
        size: Height and width of the map there, on the example.
        anchor: How the block is hung there.
        kernel: The convolution at a ``conv3x3`` place.
    """

    name: str
    kind: Kind | Literal["module"]
    strategy: Strategy | None
    stage: int | None
    channels: int
    size: tuple[int, int]
    anchor: Anchor
    kernel: Kernel | None = None

    def cost(self, spec: AttentionSpec) -> Work:
        """Return what a block would cost here for one image, in the conventions of :class:`~senet.accounting.Work`.

        A selective kernel's price is that of its new branches and its selection.
        """
        with torch.device("meta"):
            if spec.slot == "gate":
                return cost(spec(self.channels), (self.channels, *self.size)).total
            if self.kernel is None:
                raise UsageError(f"{spec} replaces a convolution, and there is none at this place", where=self.name)
            stride = self.kernel.stride
            block = spec(self.kernel.in_channels, self.channels, stride=stride)
        whole = cost(block, (self.kernel.in_channels, self.size[0] * stride, self.size[1] * stride))
        return whole.total - whole.under("branches.0")
