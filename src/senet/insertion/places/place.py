"""A place in a model where a block can go, and what it would cost there."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from senet.accounting import Work, cost
from senet.attention import AttentionSpec, build_convolution, build_gate
from senet.attention.smoke_test import require_axes
from senet.errors import UsageError
from senet.insertion.places.anchors import Anchor, Around
from senet.insertion.places.units import Kind

Strategy = Literal["standard", "pre", "post", "identity", "conv3x3"]
STRATEGIES: tuple[Strategy, ...] = ("standard", "pre", "post", "identity", "conv3x3")


@dataclass(frozen=True)
class Kernel:
    """The convolution at a ``conv3x3`` place, which a block may replace.

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
        name: The module that it follows or precedes.
        owner: The module that will hold it: that itself if it is a unit, else the one whose forward calls it.
        kind: Of the unit that it is in: ``residual``, ``concat``, ``dense``, ``separable``, ``conv``; ``module``
            for one that was asked for by name.
        strategy: The paper's name of the place in the unit, None for a module asked for by name.
        stage: As in the papers, 2 is the first residual stage.
        channels: Of the map there.
        size: The map's spatial axes there, on the example: height and width, a length, or time, height and width.
        anchor: How the block is hung there.
        kernel: The convolution at a ``conv3x3`` place.
    """

    name: str
    owner: str
    kind: Kind | Literal["module"]
    strategy: Strategy | None
    stage: int | None
    channels: int
    size: tuple[int, ...]
    anchor: Anchor
    kernel: Kernel | None = None

    def cost(self, spec: AttentionSpec) -> Work:
        """Return what a block would cost here for one image, in the conventions of :class:`~senet.accounting.Work`.

        The price of a block that replaces a convolution, and keeps it, is that of what is new.
        """
        with torch.device("meta"):
            block: Any = self.build(spec)
        if self.kernel is None or spec.slot == "gate":
            return cost(block, (self.channels, *self.size)).total
        height, width = (size * self.kernel.stride for size in self.size)
        whole = cost(block, (self.kernel.in_channels, height, width))
        return whole.total - whole.under(block.surrounds)

    def moved(self, owner: str) -> "Place":
        """Return the place under the names that it has where its owner is called so."""
        rename = partial(_renamed, self.owner, owner)
        anchor: Any = replace(self.anchor, module=rename(self.anchor.module))
        if isinstance(anchor, Around):
            anchor = replace(anchor, inner=tuple(map(rename, anchor.inner)))
        kernel = self.kernel and replace(self.kernel, module=rename(self.kernel.module))
        return replace(self, name=rename(self.name), owner=owner, anchor=anchor, kernel=kernel)

    def build(self, spec: AttentionSpec) -> nn.Module:
        """Build a spec's block for this place.

        Raises:
            UsageError: It replaces a convolution, and there is none here or it cannot keep the old one; or it does
                not take maps with as many spatial axes as there are here.
        """
        if spec.slot == "gate":
            return self._fits(build_gate(spec, self.channels), spec, self.channels)
        if self.kernel is None:
            raise UsageError(f"{spec} replaces a convolution, and there is none at this place", where=self.name)
        block: Any = build_convolution(spec, self.kernel.in_channels, self.channels, self.kernel.stride)
        if block.surrounds is None:
            raise UsageError(
                f"{spec} replaces a convolution and keeps nothing of the one that is there",
                where=self.name,
                do="fill the slots of a network that senet models lists with it",
            )
        return self._fits(block, spec, self.kernel.in_channels)

    def _fits(self, block: nn.Module, spec: AttentionSpec, channels: int) -> nn.Module:
        """Return a block that takes the maps here; every block takes those of images."""
        if len(self.size) != 2:
            where = f"{self.name}, {' x '.join(map(str, (channels, *self.size)))}"
            require_axes(block, spec, channels, len(self.size), where)
        return block


def _renamed(before: str, after: str, name: str) -> str:
    return ".".join(part for part in (after, name.removeprefix(before).lstrip(".")) if part)
