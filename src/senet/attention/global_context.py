"""Global Context: Cao, Xu, Lin, Wei, Hu, arXiv 1904.11492, section 3.3.

    context     g = sum_j alpha_j x_j,  alpha_j = exp(W_k x_j) / sum_m exp(W_k x_m), j over the positions  (eq. 4, 5)
    transform   d = W_v2 ReLU(LN(W_v1 g)), W_v1 in R^(C/r x C)
    fusion      z_i = x_i + d, the same at every position

The block of the paper adds. Its last layer starts at zero, so it changes nothing until it is trained. Each choice of
the paper's ablations is an argument of :class:`GC`; with one layer in place of the transform it is the paper's
simplified non-local block.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.attention.identity_init import unit_gate, zero_init
from senet.attention.spec import check_fields, check_positive, spec_repr
from senet.attention.squeeze_excite import average
from senet.attention.state_dict_hooks import accept_names
from senet.attention.widths import check_channels, floor, hidden_units
from senet.layers import check_map, over_positions
from senet.ops.chain import chain


class ContextPool(nn.Module):
    """The mean over the positions under weights of the block's own; x (B, C, *S) -> (B, C).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mask = nn.Linear(channels, 1)  # its bias changes nothing: the softmax takes it away again

    def forward(self, x: Tensor) -> Tensor:
        """Return g."""
        positions = x.flatten(2)  # (B, C, N)
        # As a batched product: the layer itself would first copy the map, to have its channels last.
        logits = torch.baddbmm(self.mask.bias, self.mask.weight.expand(x.shape[0], 1, -1), positions)
        alpha = logits.softmax(2).to(x.dtype)  # (B, 1, N)
        context: Tensor = (alpha @ positions.transpose(1, 2)).squeeze(1)
        return context


class AveragePool(nn.Module):
    """The plain mean, x (B, C, *S) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool over the positions."""
        return average(x)


class Bottleneck(nn.Module):
    """W_v2 ReLU(LN(W_v1 g)), (B, C) -> (B, C), with biases."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.norm = nn.Linear(channels, hidden), nn.LayerNorm(hidden)
        self.activation = nn.ReLU()
        self.last = nn.Linear(hidden, channels)

    def forward(self, g: Tensor) -> Tensor:
        """Transform the context."""
        return chain(g, self.fc1, self.norm, self.activation, self.last)


class Single(nn.Module):
    """One layer W_v without bias, (B, C) -> (B, C): the simplified non-local block, figure 4(b)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.last = nn.Linear(channels, channels, bias=False)

    def forward(self, g: Tensor) -> Tensor:
        """Transform the context."""
        d: Tensor = self.last(g)
        return d


class Context(nn.Module):
    """What the whole map is about, x (B, C, *S) -> (B, C), 1 to 3 spatial axes.

    Args:
        channels: C.
        pool: (B, C, *S) -> (B, C).
        transform: (B, C) -> (B, C), ends in a layer ``last``.
    """

    def __init__(self, channels: int, pool: nn.Module, transform: Bottleneck | Single) -> None:
        super().__init__()
        self.channels, self.pool, self.transform = channels, pool, transform

    def forward(self, x: Tensor) -> Tensor:
        """Return d."""
        check_map(x, self.channels, self, dims=(1, 2, 3))
        d: Tensor = self.transform(self.pool(x))
        return d


class GlobalContext(nn.Module):
    """Add to every position what the whole map is about; x (B, C, *S) -> (B, C, *S), 1 to 3 spatial axes.

    Args:
        context: Makes d; its last layer is set to zero.
    """

    effect = Effect.ADDS

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.gate: nn.Module = nn.Identity()  # what is added ends here, as the weights of a gate do
        accept_names(self, authors_names("add"))
        self.reset_gate()

    def forward(self, x: Tensor) -> Tensor:
        """Return x + d, shape and dtype of x."""
        return x + self.term(x)

    def term(self, x: Tensor) -> Tensor:
        """Return d, (B, C, 1, ...), in the dtype of x."""
        return over_positions(self.gate(self.context(x)), x)

    def reset_gate(self, generator: torch.Generator | None = None) -> None:
        """Set the last layer to zero, as the authors' networks do; draws nothing."""
        zero_init(self.context.transform.last)

    def start_as_identity(self) -> None:
        """Add nothing until training moves the last layer: how the block starts anyway."""
        self.reset_gate()


class GlobalContextScale(nn.Module):
    """The same context as a gate, x * sigma(d): the fusion by scaling of the paper's ablations.

    Args:
        context: Makes d; its last layer is set to zero.
    """

    effect = Effect.MULTIPLIES

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.gate: nn.Module = nn.Sigmoid()
        accept_names(self, authors_names("mul"))
        self.reset_gate()

    def forward(self, x: Tensor) -> Tensor:
        """Return x * sigma(d), shape and dtype of x."""
        return x * self.weights(x)

    def weights(self, x: Tensor) -> Tensor:
        """Return sigma(d), (B, C, 1, ...), in the dtype of x."""
        return over_positions(self.gate(self.context(x)), x)

    def reset_gate(self, generator: torch.Generator | None = None) -> None:
        """Set the last layer to zero, as the authors' networks do; draws nothing."""
        zero_init(self.context.transform.last)

    def start_as_identity(self) -> None:
        """Weigh every channel by one until training moves the last layer."""
        self.gate = unit_gate(self.gate, self.context.transform.last)


def authors_names(fusion: str) -> dict[str, str]:
    """Return the names of github.com/xvjiarui/GCNet's context_block.py for the layers of one fusion, and ours."""
    layers = {"0": "fc1", "1": "norm", "3": "last"}
    names = {f"channel_{fusion}_conv.{i}.": f"context.transform.{layer}." for i, layer in layers.items()}
    return {"conv_mask.": "context.pool.mask.", **names}


@dataclass(frozen=True, repr=False)
class GC:
    """Spec of :class:`GlobalContext`; ``GC(reduction=16)(channels)`` builds the block.

    The authors place it in the bottlenecks of conv3 to conv5, after the last norm: ``stages=(3, 4, 5)``.

    Args:
        reduction: r of the transform, C // r hidden units, two at least: the layer norm takes all from a single one.
        pool: ``attention`` (the paper) or ``average``.
        transform: ``bottleneck`` (the paper), or ``linear``, one C x C layer: simplified non-local, without r.
        fusion: ``add`` (the paper) or ``scale``, by a sigmoid.
    """

    slot: ClassVar[Literal["gate"]] = "gate"
    shown: ClassVar[tuple[str, ...]] = ("reduction", "pool", "transform")

    reduction: int = 16
    pool: Literal["attention", "average"] = "attention"
    transform: Literal["bottleneck", "linear"] = "bottleneck"
    fusion: Literal["add", "scale"] = "add"

    __repr__ = spec_repr

    def __post_init__(self) -> None:
        check_fields(self)
        check_positive(self, "reduction")

    def __call__(self, channels: int) -> GlobalContext | GlobalContextScale:
        """Build the block for a map of so many channels."""
        check_channels(self, channels)
        pool = ContextPool(channels) if self.pool == "attention" else AveragePool()
        context = Context(channels, pool, self._transform(channels))
        return GlobalContext(context) if self.fusion == "add" else GlobalContextScale(context)

    def _transform(self, channels: int) -> Bottleneck | Single:
        if self.transform == "linear":
            return Single(channels)
        # Of a single one the layer norm leaves nothing but its bias.
        return Bottleneck(channels, hidden_units(self, channels, floor(channels, self.reduction), least=2))
