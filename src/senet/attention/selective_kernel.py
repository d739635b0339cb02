"""Selective Kernel convolution: Li, Wang, Hu, Yang, arXiv 1903.06586, section 3.1.

The equations, with the paper's symbols:

    split    U_m = F_m(X), m = 1..M, convolutions with different receptive fields
    fuse     U = sum_m U_m                                              (eq. 1)
             s_c = 1/(H W) sum_ij U_c(i, j)                             (eq. 2)
             z = delta(B(W s)), W in R^(d x C), d = max(C/r, L)         (eq. 3, 4)
    select   a_m,c = exp(A_m,c z) / sum_k exp(A_k,c z)                  (eq. 5)
             V_c = sum_m a_m,c U_m,c,  sum_m a_m,c = 1                  (eq. 6)
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from senet.attention.contract import Effect
from senet.attention.spec import check_fields, check_positive, lists_to_tuples, spec_repr
from senet.attention.widths import check_hidden
from senet.errors import UsageError
from senet.layers import check_batch, check_groups, check_map, mean_of_sum
from senet.ops.chain import chain
from senet.ops.eager import is_eager, returns_fresh

Kernel = tuple[int, int]  # size, dilation


class SelectiveKernel(nn.Module):
    """Choose per channel between M convolutions; x (B, in, H, W) -> (B, out, H/stride, W/stride).

    Each branch ends in batch norm and ReLU; nothing follows the selection, as in the authors' graphs.

    Args:
        in_channels: Channels of x.
        out_channels: C.
        stride: Of every branch.
        kernels: (size, dilation) of each branch; sizes are odd.
        groups: Of each branch, the paper's G; one number is that of all.
        hidden: d.
        norm: Makes the batch norm of the fuse step, B in equation 3; ``nn.Identity`` for none.
        activation: Makes delta of the fuse step.
        bias: Biases of the convolutions and of both linear layers; the authors have none.
    """

    effect = Effect.REPLACES
    convolutions: ClassVar[tuple[str, ...]] = ("branches",)
    surrounds: ClassVar[str | None] = "branches.0"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        kernels: Sequence[Kernel] = ((3, 1), (3, 2)),
        groups: int | Sequence[int] = 32,
        hidden: int = 32,
        norm: Callable[[int], nn.Module] = nn.BatchNorm1d,
        activation: Callable[[], nn.Module] = nn.ReLU,
        bias: bool = False,
    ) -> None:
        super().__init__()
        check_hidden(out_channels, hidden)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.branches = _branches(in_channels, out_channels, stride, kernels, groups, bias)
        self.fc1 = nn.Linear(out_channels, hidden, bias)
        self.bn1 = norm(hidden)
        self.activation = activation()
        self.fc2 = nn.Linear(hidden, len(kernels) * out_channels, bias)
        self.gate = nn.Softmax(dim=1)
        self.reset_gate()

    def reset_gate(self, generator: torch.Generator | None = None) -> None:
        """Draw both linear layers from a normal of deviation 0.01, as the authors' files do."""
        for layer in (self.fc1, self.fc2):
            nn.init.normal_(layer.weight, std=0.01, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def start_as_identity(self) -> None:
        """Refuse: with M branches each is weighed by 1 / M at first, and a weight of one would not train."""
        raise UsageError("its weights cannot start at one: they share one among the branches")

    def forward(self, x: Tensor) -> Tensor:
        """Return V, the branches' sum under their weights."""
        u = self.split(x)
        a = self.select(u).unbind(1)
        eager = is_eager(x)
        v = u[0].mul_(a[0]) if eager and _may_overwrite(self.branches[0]) else u[0] * a[0]
        add = Tensor.addcmul_ if eager else torch.addcmul  # who records would see a map change
        for m in range(1, len(u)):
            v = add(v, u[m], a[m])
        return v

    def weights(self, x: Tensor) -> Tensor:
        """Return a, (B, M, C, 1, 1); it sums to one over the branches."""
        return self.select(self.split(x))

    def split(self, x: Tensor) -> list[Tensor]:
        """Return U_1..U_M, each (B, C, H/stride, W/stride)."""
        check_map(x, self.in_channels, self, dims=(2,))
        return [branch(x) for branch in self.branches]

    def select(self, u: list[Tensor]) -> Tensor:
        """Fuse and select, equations 1 to 5."""
        s = mean_of_sum(u)  # (B, C)
        if not isinstance(self.bn1, nn.Identity):
            check_batch(s, self)
        z = chain(s, self.fc1, self.bn1, self.activation)  # (B, d)
        logits = chain(z, self.fc2).reshape(-1, len(u), self.out_channels, 1, 1)  # (B, M, C, 1, 1)
        a: Tensor = self.gate(logits)
        return a.to(u[0].dtype)


class SummedKernels(nn.Module):
    """The same M convolutions without the selection, their plain sum: the unticked rows of the paper's table 7.

    Args:
        in_channels: Channels of x.
        out_channels: C.
        stride: Of every branch.
        kernels: (size, dilation) of each branch; sizes are odd.
        groups: Of each branch; one number is that of all.
        bias: Of the convolutions.
    """

    effect = Effect.REPLACES
    gate = None
    convolutions: ClassVar[tuple[str, ...]] = ("branches",)
    surrounds: ClassVar[str | None] = "branches.0"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        kernels: Sequence[Kernel] = ((3, 1), (3, 2)),
        groups: int | Sequence[int] = 32,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.branches = _branches(in_channels, out_channels, stride, kernels, groups, bias)

    def start_as_identity(self) -> None:
        """Refuse: the sum of several branches is not the first."""
        raise UsageError("it adds convolutions to the one that is there")

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, out, H/stride, W/stride), U of equation 1."""
        check_map(x, self.in_channels, self, dims=(2,))
        first, *others = self.branches
        u: Tensor = first(x)
        eager = is_eager(x)
        own = eager and _may_overwrite(first)
        for branch in others:
            u = u.add_(branch(x)) if own else u + branch(x)
            own = eager  # that sum is
        return u


def _may_overwrite(branch: nn.Module) -> bool:
    """Whether nobody holds what a branch has made: no hook, and no backward pass."""
    return not torch.is_grad_enabled() and returns_fresh(branch)


def _branches(
    in_channels: int, out_channels: int, stride: int, kernels: Sequence[Kernel], groups: int | Sequence[int], bias: bool
) -> nn.ModuleList:
    each = [groups] * len(kernels) if isinstance(groups, int) else groups
    branches = nn.ModuleList()
    for (k, d), g in zip(kernels, each, strict=True):
        check_groups(in_channels, out_channels, g)
        conv = nn.Conv2d(in_channels, out_channels, k, stride, d * (k // 2), d, g, bias)
        branches.append(
            nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(out_channels), relu=nn.ReLU(inplace=True)))
        )
    return branches


@dataclass(frozen=True, repr=False)
class SK:
    """Spec of :class:`SelectiveKernel`, the paper's SK[M, G, r]; stands in a convolution's place.

    Args:
        branches: M; branch m is a 3x3 convolution with dilation m, the paper's cheap 5x5, 7x7, ...
        groups: G; ``depthwise`` is one group for each channel of the input. A tuple has one number for each branch
            (table 6).
        reduction: r.
        minimum: L, the least d.
        kernels: Sizes of true kernels, one branch each, instead of dilated ones.
        dilations: Dilations of the branches, one each, instead of 1..M.
        norm: Batch norm in the fuse step.
        activation: Of the fuse step.
        bias: Biases of convolutions and linear layers.
        hidden: Pairs (C, d) of widths at which d is not the paper's max(C/r, L).
        selection: ``softmax`` (equation 5), or ``none``: :class:`SummedKernels` (table 7).
    """

    slot: ClassVar[Literal["convolution"]] = "convolution"
    # Not `kernels`: (3, 3) has the shapes of two dilations, and no dilation.
    shown: ClassVar[tuple[str, ...]] = ("branches", "groups", "reduction", "minimum", "norm", "bias", "hidden")

    branches: int = 2
    groups: int | Literal["depthwise"] | tuple[int, ...] = 32
    reduction: int = 16
    minimum: int = 32
    kernels: tuple[int, ...] | None = None
    dilations: tuple[int, ...] | None = None
    norm: bool = True
    activation: Literal["relu", "none"] = "relu"
    bias: bool = False
    hidden: tuple[tuple[int, ...], ...] = ()
    selection: Literal["softmax", "none"] = "softmax"

    __repr__ = spec_repr

    def __post_init__(self) -> None:
        for name in ("groups", "kernels", "dilations", "hidden"):
            object.__setattr__(self, name, lists_to_tuples(getattr(self, name)))
        check_fields(self)
        check_positive(self, "branches", "reduction", "minimum")
        if isinstance(self.groups, int):
            check_positive(self, "groups")
        self._check_branches()

    def __call__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> SelectiveKernel | SummedKernels:
        """Build the convolution from in_channels to out_channels."""
        groups = in_channels if self.groups == "depthwise" else self.groups
        if self.selection == "none":
            return SummedKernels(
                in_channels, out_channels, stride=stride, kernels=self._kernels(), groups=groups, bias=self.bias
            )
        return SelectiveKernel(
            in_channels,
            out_channels,
            stride=stride,
            kernels=self._kernels(),
            groups=groups,
            hidden=self._width(out_channels),
            norm=nn.BatchNorm1d if self.norm else nn.Identity,
            activation=nn.ReLU if self.activation == "relu" else nn.Identity,
            bias=self.bias,
        )

    def _width(self, channels: int) -> int:
        given = [d for c, d in self.hidden if c == channels]
        return given[0] if given else max(channels // self.reduction, self.minimum)

    def _kernels(self) -> list[Kernel]:
        sizes = self.kernels or (3,) * self._count()
        default = (1,) * self._count() if self.kernels else tuple(range(1, self._count() + 1))
        return list(zip(sizes, self.dilations or default, strict=True))

    def _count(self) -> int:
        return len(self.kernels or self.dilations or range(self.branches))

    def _check_branches(self) -> None:
        given = {len(v) for v in (self.kernels, self.dilations) if v is not None}
        if 0 in given or len(given) > 1 or (given and self.branches not in (2, *given)):
            raise UsageError(f"{self}: branches, kernels and dilations name different numbers of branches")
        if any(k < 1 or k % 2 == 0 for k in self.kernels or ()) or any(d < 1 for d in self.dilations or ()):
            raise UsageError(f"{self}: kernel sizes are odd and dilations positive")
        if isinstance(self.groups, tuple) and (len(self.groups) != self._count() or min(self.groups) < 1):
            raise UsageError(f"{self}: groups holds one positive number for each of {self._count()} branches")
        if any(len(pair) != 2 or min(pair) < 1 for pair in self.hidden):
            raise UsageError(f"{self}: hidden holds pairs (C, d) of positive widths")
