"""Squeeze-and-Excitation: Hu, Shen, Albanie, Sun, Wu, arXiv 1709.01507v4, section 3.

    squeeze      z_c = F_sq(u_c) = 1/(H W) sum_ij u_c(i, j)             (eq. 2)
    excitation   s   = F_ex(z, W) = sigma(W_2 delta(W_1 z))             (eq. 3)
    scale        x_c = F_scale(u_c, s_c) = s_c u_c                      (eq. 4)

with W_1 in R^(C/r x C), W_2 in R^(C x C/r), delta the ReLU and sigma the sigmoid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.attention.identity_init import unit_gate
from senet.attention.spec import check_fields, check_positive, spec_repr
from senet.attention.state_dict_hooks import SQUEEZE_NAMES, accept_names
from senet.attention.widths import WIDTHS, check_hidden, hidden_units
from senet.layers import as_map, as_rows, check_batch, check_map, over_positions, spatial_axes
from senet.ops import pools
from senet.ops.chain import chain

Squeeze = Callable[[Tensor], Tensor]


def average(u: Tensor) -> Tensor:
    """Mean over the spatial axes, (B, C, *S) -> (B, C); equation 2."""
    return pools.mean(u, spatial_axes(u))


def maximum(u: Tensor) -> Tensor:
    """Maximum over the spatial axes, (B, C, *S) -> (B, C); table 11. Ties share the gradient."""
    return pools.maximum(u, spatial_axes(u))


def no_squeeze(u: Tensor) -> Tensor:
    """No squeeze, (B, C, *S) -> (B, *S, C): every position is excited by itself; table 16's NoSqueeze."""
    return u.movedim(1, -1)


class SqueezeExcite(nn.Module):
    """Weigh each channel by a gate that sees all channels; u (B, C, *S) -> (B, C, *S), 1 to 3 spatial axes.

    The two layers are linear: weights of shape (hidden, C) and (C, hidden), called ``fc1`` and ``fc2``. Weights
    of 1x1 convolutions, (hidden, C, 1, 1), and of modules that call the layers ``fc.0`` and ``fc.2`` load too.

    Departures from the paper, each an argument: biases (the released Caffe models have them, the ablations of
    section 6 do not), other squeezes, activations and gates, batch norms after both layers.

    Args:
        channels: C.
        hidden: Units between the two layers, C/r in the paper.
        squeeze: (B, C, *S) -> (B, C), or (B, *S, C) to keep the positions.
        activation: Makes delta.
        gate: Makes sigma.
        bias: Whether both layers have biases.
        norm: Makes the batch norm over (N, features) after each layer; None for none.
    """

    effect = Effect.MULTIPLIES

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        squeeze: Squeeze = average,
        activation: Callable[[], nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
        bias: bool = True,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        check_hidden(channels, hidden)
        self.channels, self.squeeze = channels, squeeze
        self.fc1 = nn.Linear(channels, hidden, bias)
        self.bn1 = norm(hidden) if norm else nn.Identity()
        self.activation = activation()
        self.fc2 = nn.Linear(hidden, channels, bias)
        self.bn2 = norm(channels) if norm else nn.Identity()
        self.gate = gate()
        self.normed = norm is not None
        accept_names(self, SQUEEZE_NAMES)

    def forward(self, u: Tensor) -> Tensor:
        """Return s * u, shape and dtype of u."""
        return u * self.weights(u)

    def weights(self, u: Tensor) -> Tensor:
        """Return s: (B, C, 1, ...) or, without squeeze, (B, C, *S), in the dtype of u."""
        check_map(u, self.channels, self, dims=(1, 2, 3))
        z = self.squeeze(u)  # (B, C) or (B, *S, C)
        if self.squeeze is average:
            return over_positions(self.excite(z), u)
        return over_positions(as_map(self.excite(as_rows(z)), z), u)

    def start_as_identity(self) -> None:
        """Weigh every channel by one until training moves the last layer."""
        self.gate = unit_gate(self.gate, self.bn2 if self.normed else self.fc2)

    def rescale_input(self, factor: Tensor) -> None:
        """Compute of ``factor * u`` what was computed of u: each squeeze grows with the map."""
        self.fc1.weight.div_(factor)

    def excite(self, z: Tensor) -> Tensor:
        """Equation 3, (N, C) -> (N, C)."""
        if not self.normed:
            return chain(z, self.fc1, self.activation, self.fc2, self.gate)
        check_batch(z, self)
        return chain(z, self.fc1, self.bn1, self.activation, self.fc2, self.bn2, self.gate)


SQUEEZES: dict[str, Squeeze] = {"avg": average, "max": maximum, "none": no_squeeze}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "gelu": nn.GELU,
}
GATES: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


@dataclass(frozen=True, repr=False)
class SE:
    """Spec of :class:`SqueezeExcite`: ``SE(reduction=16)(channels)`` builds the block.

    72 channels at reduction 4 are 18, 16 or 24 hidden units depending on whom you ask; the presets say who:
    :meth:`paper` and :meth:`caffe` 18, :meth:`timm` 16, :meth:`torchvision` and :meth:`mobilenet_v3` 24.

    Args:
        reduction: The paper's r.
        squeeze: ``avg`` (equation 2), ``max`` (table 11) or ``none`` (NoSqueeze, table 16).
        activation: The paper's delta.
        gate: The paper's sigma (table 12); ``hard_sigmoid`` is relu6(x + 3) / 6.
        bias: Whether both layers have biases.
        norm: Batch norm after both layers, as in MobileNetV3 ports.
        width: Rule of the hidden width: ``floor``, ``round8``, ``make_divisible``.
        minimum: Widths below it are raised to it; at 0 a width below 1 is an error.
    """

    slot: ClassVar[Literal["gate"]] = "gate"
    shown: ClassVar[tuple[str, ...]] = ("reduction", "width", "minimum", "bias", "norm")

    reduction: int = 16
    squeeze: Literal["avg", "max", "none"] = "avg"
    activation: Literal["relu", "silu", "hard_swish", "gelu"] = "relu"
    gate: Literal["sigmoid", "hard_sigmoid", "tanh", "relu"] = "sigmoid"
    bias: bool = True
    norm: bool = False
    width: Literal["floor", "round8", "make_divisible"] = "floor"
    minimum: int = 0

    __repr__ = spec_repr

    def __post_init__(self) -> None:
        check_fields(self)
        check_positive(self, "reduction")

    def __call__(self, channels: int) -> SqueezeExcite:
        """Build the block for a map of so many channels."""
        return SqueezeExcite(
            channels,
            self.hidden(channels),
            squeeze=SQUEEZES[self.squeeze],
            activation=ACTIVATIONS[self.activation],
            gate=GATES[self.gate],
            bias=self.bias,
            norm=nn.BatchNorm1d if self.norm else None,
        )

    def hidden(self, channels: int) -> int:
        """Hidden units for so many channels.

        Raises:
            UsageError: The rule leaves none.
        """
        return hidden_units(self, channels, max(WIDTHS[self.width](channels, self.reduction), self.minimum))

    @classmethod
    def paper(cls, reduction: int = 16) -> "SE":
        """Section 6 of arXiv v4: no biases, which the authors found to help on ResNets."""
        return cls(reduction=reduction, bias=False)

    @classmethod
    def caffe(cls, reduction: int = 16) -> "SE":
        """The authors' released models: as in the paper, with biases."""
        return cls(reduction=reduction)

    @classmethod
    def timm(cls, reduction: int = 16) -> "SE":
        """Timm's SEModule: hidden units rounded to a multiple of 8, at least 8."""
        return cls(reduction=reduction, width="round8")

    @classmethod
    def torchvision(cls, reduction: int = 4) -> "SE":
        """Torchvision's SqueezeExcitation as its MobileNets size it, with its default sigmoid gate."""
        return cls(reduction=reduction, width="make_divisible")

    @classmethod
    def mobilenet_v3(cls, reduction: int = 4) -> "SE":
        """MobileNetV3, section 5.3 and released code: a quarter of the channels, rounded; hard sigmoid."""
        return cls(reduction=reduction, width="make_divisible", gate="hard_sigmoid")
