"""Efficient Channel Attention: Wang, Wu, Zhu, Li, Zuo, Hu, arXiv 1910.03151, section 3.

    squeeze   y_c = 1/(H W) sum_ij x_c(i, j)
    weights   w = sigma(C1D_k(y)), one kernel of k taps over the channels, shared by all of them
    size      k = |log2(C)/gamma + b/gamma|_odd, gamma = 2, b = 1     (eq. 12 of the CVPR version, 9 of arXiv's first)

A channel sees its k neighbours and no hidden layer: k weights a block, and no biases.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.attention.identity_init import unit_gate
from senet.attention.spec import check_fields, check_positive, lists_to_tuples, spec_repr
from senet.attention.squeeze_excite import average
from senet.attention.widths import check_channels
from senet.errors import UsageError, did_you_mean
from senet.layers import check_map, over_positions
from senet.ops.chain import chain


class EfficientChannelAttention(nn.Module):
    """Weigh each channel by a gate that sees its neighbours; x (B, C, *S) -> (B, C, *S), 1 to 3 spatial axes.

    The convolution keeps torch's own initialisation, as the authors' networks do.

    Args:
        channels: C.
        kernel_size: k, odd. Beyond both ends of the channels it sees zeros, so it may be larger than C.
    """

    effect = Effect.MULTIPLIES
    squeeze = staticmethod(average)

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        check_odd(type(self).__name__, kernel_size)
        self.channels = channels
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.gate: nn.Module = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return w * x, shape and dtype of x."""
        return x * self.weights(x)

    def weights(self, x: Tensor) -> Tensor:
        """Return w, (B, C, 1, ...), in the dtype of x."""
        check_map(x, self.channels, self, dims=(1, 2, 3))
        return over_positions(self.excite(self.squeeze(x)), x)

    def excite(self, y: Tensor) -> Tensor:
        """Return w of the means, (B, C) -> (B, C)."""
        return chain(self.conv(y.unsqueeze(1)).squeeze(1), self.gate)

    def start_as_identity(self) -> None:
        """Weigh every channel by one until training moves the kernel."""
        self.gate = unit_gate(self.gate, self.conv)

    def rescale_input(self, factor: Tensor) -> None:
        """Compute of ``factor * x`` what was computed of x."""
        self.conv.weight.div_(factor)


def check_odd(owner: object, kernel_size: int) -> None:
    """Refuse a kernel with no tap in its middle: it would leave another number of channels than it sees."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise UsageError(f"{owner}: kernel_size={kernel_size} is not odd", do=f"use {max(kernel_size, 0) + 1}")


# Of the authors' networks, which do not follow the formula: per stage 3577, 3357, 3557, 3357, 3357; MobileNetV2 has
# k = 1 where fewer than 96 channels leave a unit, else 3 (github.com/BangguWu/ECANet: eca_resnet.py and its sibling).
BASIC, BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
RELEASED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "resnet18": (BASIC, (3, 5, 7, 7)),
    "resnet34": (BASIC, (3, 3, 5, 7)),
    "resnet50": (BOTTLENECK, (3, 5, 5, 7)),
    "resnet101": (BOTTLENECK, (3, 3, 5, 7)),
    "resnet152": (BOTTLENECK, (3, 3, 5, 7)),
    "mobilenet_v2": ((16, 24, 32, 64, 96, 160, 320), (1, 1, 1, 1, 3, 3, 3)),
}


@dataclass(frozen=True, repr=False)
class ECA:
    """Spec of :class:`EfficientChannelAttention`; ``ECA()(channels)`` builds the block.

    Args:
        kernel_size: k, odd; None is the authors' rule.
        gamma: Of the rule.
        b: Of the rule.
        kernels: Pairs (C, k) of widths at which k is another; see :meth:`released`.
    """

    slot: ClassVar[Literal["gate"]] = "gate"
    shown: ClassVar[tuple[str, ...]] = ("kernel_size", "gamma", "b", "kernels")

    kernel_size: int | None = None
    gamma: int = 2
    b: int = 1
    kernels: tuple[tuple[int, ...], ...] = ()

    __repr__ = spec_repr

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernels", lists_to_tuples(self.kernels))
        check_fields(self)
        check_positive(self, "gamma", "b")
        if any(len(pair) != 2 or min(pair) < 1 for pair in self.kernels):
            raise UsageError(f"{self}: kernels holds pairs (C, k) of a width and a kernel size")
        if len({c for c, _ in self.kernels}) < len(self.kernels):
            raise UsageError(f"{self}: kernels names a width twice", do="give each width one kernel size")
        for k in (self.kernel_size, *(k for _, k in self.kernels)):
            check_odd(self, 1 if k is None else k)

    def __call__(self, channels: int) -> EfficientChannelAttention:
        """Build the block for a map of so many channels."""
        return EfficientChannelAttention(channels, self.taps(channels))

    def taps(self, channels: int) -> int:
        """Return k for so many channels: the rule as the authors' code has it, where an even result is raised.

        Raises:
            UsageError: Fewer than one channel.
        """
        check_channels(self, channels)
        given = [k for c, k in self.kernels if c == channels]
        if given or self.kernel_size is not None:
            return given[0] if given else self.kernel_size or 1
        t = int(abs((math.log2(channels) + self.b) / self.gamma))
        return t if t % 2 else t + 1

    @classmethod
    def released(cls, network: str = "resnet50") -> "ECA":
        """Return the kernels of the authors' networks: ``resnet18`` to ``resnet152``, ``mobilenet_v2``.

        At widths that the network does not have, k is the rule's.

        Raises:
            UsageError: The authors released no such network.
        """
        if network not in RELEASED:
            raise UsageError(f"ECA.released: no network {network!r}", do=did_you_mean(str(network), RELEASED))
        return cls(kernels=tuple(zip(*RELEASED[network], strict=True)))
