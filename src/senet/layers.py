"""What every network and block repeats: convolution, batch norm and ReLU, and the checks of their input."""

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, fx, nn

from senet.errors import UsageError
from senet.ops import pools


class DropPath(nn.Module):
    """Stochastic depth: in training, a residual branch is left out for some samples of a batch, the others scaled up.

    Huang et al., arXiv 1603.09382, per sample. It has no state and is the identity at rate 0, as networks are built;
    a recipe sets the rate. A graph of ``torch.fx`` keeps the rate and the mode that it was traced in.

    Args:
        drop_prob: Share of the samples, in [0, 1).
    """

    def __init__(self, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if not self.training or self.drop_prob == 0:
            return x
        kept = 1 - self.drop_prob
        return x * (x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(kept) / kept)

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"drop_prob={self.drop_prob:g}"


def conv(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Convolution without bias that keeps the spatial size at stride 1.

    It has ``kernel_size**2 * in_channels / groups * out_channels`` weights (:func:`conv_weights`): every
    filter sees only the ``in_channels / groups`` channels of its own group.

    Raises:
        UsageError: The channels do not divide into the groups.
    """
    check_groups(in_channels, out_channels, groups)
    padding = dilation * (kernel_size - 1) // 2
    return nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups, bias=False
    )


def conv_weights(in_channels: int, out_channels: int, kernel_size: int, groups: int = 1) -> int:
    """Weights of a grouped convolution, ``h * w * C1/g * C2``: one g-th of the ungrouped one's."""
    check_groups(in_channels, out_channels, groups)
    return kernel_size**2 * in_channels // groups * out_channels


def conv_bn(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution and batch norm, (B, in_channels, H, W) -> (B, out_channels, H/stride, W/stride)."""
    convolution = conv(in_channels, out_channels, kernel_size, stride=stride, groups=groups)
    return nn.Sequential(OrderedDict(conv=convolution, bn=nn.BatchNorm2d(out_channels)))


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch norm and ReLU, shapes as :func:`conv_bn`."""
    layers = conv_bn(in_channels, out_channels, kernel_size, stride=stride, groups=groups)
    layers.add_module("relu", nn.ReLU(inplace=True))
    return layers


def conv_bn_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Convolution, norm and activation of any kind, shapes as :func:`conv_bn`.

    Args:
        in_channels: Of the input.
        out_channels: Of the output.
        kernel_size: Odd.
        stride: Of the convolution.
        groups: Of the convolution.
        norm: Makes the batch norm, where its epsilon or momentum is not torch's.
        activation: Makes the nonlinearity; ``nn.Identity`` for none.
    """
    convolution = conv(in_channels, out_channels, kernel_size, stride=stride, groups=groups)
    return nn.Sequential(OrderedDict(conv=convolution, bn=norm(out_channels), activation=activation()))


def spatial_axes(x: Tensor) -> tuple[int, ...]:
    """Return the axes of the positions of a map (B, C, *S): 2, ..., as ``x.mean(spatial_axes(x))`` takes them."""
    return _spatial_axes(x)


def mean_of_sum(maps: Sequence[Tensor]) -> Tensor:
    """Return the mean over the positions of a sum of maps (B, C, *S), (B, C), without the sum as a map."""
    return _mean_of_sum(maps)


def over_positions(weights: Tensor, x: Tensor) -> Tensor:
    """Return weights (B, C) or (B, C, *S) as they meet a map x (B, C, *S): broadcastable, in its dtype."""
    return _over_positions(weights, x)


def as_rows(z: Tensor) -> Tensor:
    """Return (B, C) as it is, and what keeps positions, (B, *S, C), as a row of each: (B * S, C)."""
    return _as_rows(z)


def as_map(rows: Tensor, z: Tensor) -> Tensor:
    """Return rows (B, C) as they are, and those of :func:`as_rows` with z's positions as a map, (B, C, *S)."""
    return _as_map(rows, z)


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Refuse channels that do not divide into groups."""
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise UsageError(
            f"a convolution of {in_channels} -> {out_channels} channels does not divide into {groups} groups",
            do=f"choose groups that divide both, for instance {_largest_divisor(in_channels, out_channels, groups)}",
        )


def _largest_divisor(in_channels: int, out_channels: int, groups: int) -> int:
    return max(g for g in range(1, max(groups, 1) + 1) if in_channels % g == 0 == out_channels % g)


def check_map(x: Tensor, channels: int, owner: nn.Module, dims: tuple[int, ...]) -> None:
    """Refuse an input that is not (batch, channels, *spatial) with one of the given numbers of spatial axes."""
    _check_map(x, channels, type(owner).__name__, dims)


def check_batch(x: Tensor | fx.Proxy, owner: nn.Module) -> None:
    """Refuse to train a batch norm on one value per channel: (N, C, ...) with only N * ... = 1.

    A graph of torch.fx has no such check: there the norm itself refuses, in torch's words. A node would keep the mode
    of the tracing when the graph changes its own, and would keep a convolution before the norm from being folded.
    """
    if isinstance(x, fx.Proxy):
        return
    if owner.training and x.numel() <= x.shape[1]:
        raise UsageError(
            f"the batch norm inside {type(owner).__name__} has one value per channel in training: "
            "its output would be constant",
            where=f"input of shape {tuple(x.shape)}",
            do="train with at least two images per batch, call eval(), or build the block without the norm",
        )


# torch.fx.symbolic_trace runs a forward pass on stand-ins that have neither shape nor rank, so Python there may not
# branch or loop over them. What does stands below: fx.wrap makes each call one node of the graph, which runs when the
# graph does. It finds them by name in this file alone; a block calls the functions above and needs no wrap of its own.


@fx.wrap
def _spatial_axes(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@fx.wrap
def _mean_of_sum(maps: Sequence[Tensor]) -> Tensor:
    axes, kind = _spatial_axes(maps[0]), maps[0].dtype
    if kind in pools.EXACT:
        return functools.reduce(torch.add, [pools.mean(x, axes) for x in maps])
    # else every mean would be rounded before they are added
    return functools.reduce(torch.add, [x.mean(axes, dtype=torch.float32) for x in maps]).to(kind)


@fx.wrap
def _over_positions(weights: Tensor, x: Tensor) -> Tensor:
    if weights.ndim < x.ndim:
        weights = weights.view(*weights.shape, *(1,) * (x.ndim - weights.ndim))
    return weights if weights.dtype == x.dtype else weights.to(x.dtype)


@fx.wrap
def _as_rows(z: Tensor) -> Tensor:
    return z if z.ndim == 2 else z.flatten(0, z.ndim - 2)


@fx.wrap
def _as_map(rows: Tensor, z: Tensor) -> Tensor:
    return rows if z.ndim == 2 else rows.reshape(z.shape).movedim(z.ndim - 1, 1)


@fx.wrap
def _check_map(x: Tensor, channels: int, owner: str, dims: tuple[int, ...]) -> None:
    if x.ndim - 2 not in dims or x.shape[1] != channels:
        spatial = " or ".join(str(d) for d in dims)
        raise UsageError(
            f"{owner} takes (batch, {channels}, *spatial) with {spatial} spatial axes, got {tuple(x.shape)}",
            do="check the channels that the block was built with, and that the input has a batch axis",
        )
