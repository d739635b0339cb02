"""Convolutional Block Attention Module: Woo, Park, Lee, Kweon, arXiv 1807.06521, section 3.

    channel   M_c(F)  = sigma(MLP(AvgPool(F)) + MLP(MaxPool(F)))        (eq. 2)
    spatial   M_s(F') = sigma(f7x7([AvgPool(F'); MaxPool(F')]))         (eq. 3)
    refine    F' = M_c(F) * F,  F'' = M_s(F') * F'                      (eq. 1)

with one MLP for both descriptors: W_0 in R^(C/r x C), ReLU, W_1 in R^(C x C/r).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from senet.attention.contract import AttentionBlock, Effect
from senet.attention.identity_init import unit_gate
from senet.attention.spec import check_fields, check_positive, spec_repr
from senet.attention.squeeze_excite import Squeeze, average, maximum
from senet.attention.widths import check_hidden, floor, hidden_units
from senet.errors import UsageError
from senet.layers import check_batch, check_map, over_positions
from senet.ops import pools
from senet.ops.chain import chain
from senet.ops.eager import is_eager, is_hooked


class ChannelGate(nn.Module):
    """M_c, equation 2; x (B, C, H, W) -> (B, C, H, W). The MLP has biases, as the authors' code has.

    Args:
        channels: C.
        hidden: C/r.
        squeezes: The descriptors that share the MLP, each (B, C, H, W) -> (B, C).
    """

    effect = Effect.MULTIPLIES

    def __init__(self, channels: int, hidden: int, squeezes: Sequence[Squeeze] = (average, maximum)) -> None:
        super().__init__()
        check_hidden(channels, hidden)
        self.channels, self.squeezes = channels, tuple(squeezes)
        self.fc1 = nn.Linear(channels, hidden)
        self.activation = nn.ReLU()
        self.fc2 = nn.Linear(hidden, channels)
        self.gate: nn.Module = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return M_c(x) * x."""
        return x * self.weights(x)

    def weights(self, x: Tensor) -> Tensor:
        """Return M_c, (B, C, 1, 1)."""
        check_map(x, self.channels, self, dims=(2,))
        descriptors = torch.cat([squeeze(x) for squeeze in self.squeezes])  # (D * B, C): one batch for the MLP
        logits = chain(descriptors, self.fc1, self.activation, self.fc2)
        return over_positions(chain(logits.reshape(len(self.squeezes), -1, self.channels).sum(0), self.gate), x)

    def start_as_identity(self) -> None:
        """Weigh every channel by one until training moves the last layer."""
        self.gate = unit_gate(self.gate, self.fc2)

    def rescale_input(self, factor: Tensor) -> None:
        """Compute of ``factor * x`` what was computed of x: both descriptors grow with the map."""
        self.fc1.weight.div_(factor)


class ChannelPool(nn.Module):
    """[max over channels; mean over channels], (B, C, H, W) -> (B, 2, H, W).

    The paper prints the mean first; this is the order of the authors' code and so of their weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pool over the channels."""
        return torch.stack([pools.maximum(x, (1,)), pools.mean(x, (1,))], dim=1)


class SpatialGate(nn.Module):
    """M_s, equation 3; x (B, C, H, W) -> (B, C, H, W).

    Departures from the paper, both in the authors' code: a batch norm without ReLU follows the convolution, and
    its scale starts at zero, so that the gate starts at one half everywhere (:meth:`reset_gate`).

    Args:
        channels: C.
        compress: (B, C, H, W) -> (B, D, H, W).
        compressed: D.
        kernel_size: Odd.
    """

    effect = Effect.MULTIPLIES

    def __init__(self, channels: int, compress: nn.Module, compressed: int, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise UsageError(
                f"the spatial gate's kernel_size={kernel_size} is even: its map would not fit the input's",
                do=f"use {kernel_size + 1} or {kernel_size - 1}",
            )
        self.channels, self.compress = channels, compress
        self.conv = nn.Conv2d(compressed, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(1, momentum=0.01)
        self.gate: nn.Module = nn.Sigmoid()
        self.reset_gate()

    def reset_gate(self, generator: torch.Generator | None = None) -> None:
        """Set the scale of the norm to zero, as the authors' networks do; draws nothing."""
        nn.init.zeros_(self.bn.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return M_s(x) * x."""
        return x * self.weights(x)

    def weights(self, x: Tensor) -> Tensor:
        """Return M_s, (B, 1, H, W)."""
        check_map(x, self.channels, self, dims=(2,))
        compressed = self.compress(x)
        check_batch(compressed, self)
        return over_positions(chain(compressed, self.conv, self.bn, self.gate), x)

    def start_as_identity(self) -> None:
        """Weigh every position by one until training moves the norm."""
        self.gate = unit_gate(self.gate, self.bn)


class Product(nn.Module):
    """The product of two weights: the hookable end of :class:`ConvBlockAttention`."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Multiply (B, C, 1, 1) and (B, 1, H, W), in either order, to (B, C, H, W)."""
        return first * second


Times = Callable[[Tensor, Tensor], Tensor]
# x, two gates and a product -> first weights, x under them, second weights
Arrange = Callable[[Tensor, Any, Any, Times], tuple[Tensor, Tensor, Tensor]]


def channel_first(x: Tensor, channel: Any, spatial: Any, times: Times) -> tuple[Tensor, Tensor, Tensor]:
    """The paper's order: M_s sees the map that M_c has weighed."""
    c = channel.weights(x)
    refined = times(x, c)
    return c, refined, spatial.weights(refined)


def spatial_first(x: Tensor, channel: Any, spatial: Any, times: Times) -> tuple[Tensor, Tensor, Tensor]:
    """Table 3: M_c sees the map that M_s has weighed."""
    s = spatial.weights(x)
    refined = times(x, s)
    return s, refined, channel.weights(refined)


def parallel(x: Tensor, channel: Any, spatial: Any, times: Times) -> tuple[Tensor, Tensor, Tensor]:
    """Table 3: both see x. The paper does not print how they merge; here their weights multiply."""
    c, s = channel.weights(x), spatial.weights(x)
    return c, times(x, c), s


class ConvBlockAttention(nn.Module):
    """CBAM: weigh channels and positions; x (B, C, H, W) -> (B, C, H, W).

    Args:
        channel: A gate over channels, usually :class:`ChannelGate`.
        spatial: A gate over positions, usually :class:`SpatialGate`.
        arrange: What each of the two sees: :func:`channel_first`, :func:`spatial_first` or :func:`parallel`.
    """

    effect = Effect.MULTIPLIES

    def __init__(self, channel: nn.Module, spatial: nn.Module, arrange: Arrange = channel_first) -> None:
        super().__init__()
        self.channel, self.spatial, self.arrange = channel, spatial, arrange
        self.gate = Product()

    def forward(self, x: Tensor) -> Tensor:
        """Return F'' = M_s * F', F' = M_c * x, or in the order of ``arrange``."""
        refined, last = self.factors(x, fresh=False)
        if refined is x or torch.is_grad_enabled() or self._map_is_seen():
            return refined * last
        return refined.mul_(last)

    def factors(self, x: Tensor, fresh: bool) -> tuple[Tensor, Tensor]:
        """Return F' and the weights that it is still to be multiplied with: the product of both is no map of its own.

        Where somebody listens at ``gate``, or records, they are x and that product.

        Args:
            x: (B, C, H, W).
            fresh: Whether F' may lie in x, and both be overwritten then.
        """
        if fresh and self._map_is_seen():
            return x.clone(), self.weights(x)
        if is_hooked(self.gate) or not is_eager(x):
            return x, self.weights(x)
        _, refined, last = self.arrange(x, self.channel, self.spatial, Tensor.mul_ if fresh else torch.mul)
        return refined, last

    def weights(self, x: Tensor) -> Tensor:
        """Return M_s * M_c, (B, C, H, W)."""
        first, _, second = self.arrange(x, self.channel, self.spatial, torch.mul)
        product: Tensor = self.gate(first, second)
        return product

    def _map_is_seen(self) -> bool:
        """Whether a hook, or a gate of the user's own, may keep a map that goes through the gates."""
        spatial = self.spatial
        if type(self.channel) is not ChannelGate or type(spatial) is not SpatialGate:
            return True
        compress = spatial.compress
        return type(compress) not in (ChannelPool, nn.Conv2d) or is_hooked(compress)

    def start_as_identity(self) -> None:
        """Weigh everything by one until training moves either gate."""
        for part in (self.channel, self.spatial):
            cast(AttentionBlock, part).start_as_identity()


POOLS: dict[str, tuple[Squeeze, ...]] = {
    "avg": (average,),
    "max": (maximum,),
    "both": (average, maximum),
}
ORDERS: dict[str, Arrange] = {
    "channel-spatial": channel_first,
    "spatial-channel": spatial_first,
    "parallel": parallel,
}


@dataclass(frozen=True, repr=False)
class CBAM:
    """Spec of :class:`ConvBlockAttention`; ``CBAM(reduction=16)(channels)`` builds the block.

    Args:
        reduction: r of the shared MLP, C // r hidden units.
        kernel_size: Of the spatial gate's convolution, 7 in the paper, odd (table 2).
        order: ``channel-spatial`` (the paper), ``spatial-channel`` or ``parallel`` (table 3).
        channel: Descriptors of the channel gate: ``both`` (the paper), ``avg`` or ``max`` (table 1).
        spatial: Descriptor of the spatial gate: ``pool`` (the paper), ``conv``, a 1x1 convolution to one
            channel (table 2), or ``none`` for the channel gate alone (tables 1 and 3).
    """

    slot: ClassVar[Literal["gate"]] = "gate"
    shown: ClassVar[tuple[str, ...]] = ("reduction", "kernel_size")

    reduction: int = 16
    kernel_size: int = 7
    order: Literal["channel-spatial", "spatial-channel", "parallel"] = "channel-spatial"
    channel: Literal["avg", "max", "both"] = "both"
    spatial: Literal["pool", "conv", "none"] = "pool"

    __repr__ = spec_repr

    def __post_init__(self) -> None:
        check_fields(self)
        check_positive(self, "reduction", "kernel_size")

    def __call__(self, channels: int) -> ConvBlockAttention | ChannelGate:
        """Build the block for a map of so many channels."""
        hidden = hidden_units(self, channels, floor(channels, self.reduction))
        channel = ChannelGate(channels, hidden, POOLS[self.channel])
        if self.spatial == "none":
            return channel
        return ConvBlockAttention(channel, self._spatial_gate(channels), ORDERS[self.order])

    def _spatial_gate(self, channels: int) -> SpatialGate:
        if self.spatial == "conv":
            return SpatialGate(channels, nn.Conv2d(channels, 1, 1, bias=False), 1, self.kernel_size)
        return SpatialGate(channels, ChannelPool(), 2, self.kernel_size)
