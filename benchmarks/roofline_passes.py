"""How often each path must at least read and write the maps of a network, and what that takes at measured bandwidth.

A map here is larger than what stays in a cache from one pass to the next. What a convolution reads and writes itself is
its own. v is a convolution's output, u its norm's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from roofline_machine import fastest
from senet.networks.resnet import ResidualUnit


@dataclass(frozen=True)
class Passes:
    """Passes over the output of one norm.

    Args:
        inner: Of a norm followed by ReLU, or by nothing.
        plain: Of the last norm of a unit with the sum and ReLU.
        se: The same with SE.
        cbam: The same with CBAM.
        reason: What they are.
    """

    inner: int
    plain: int
    se: int
    cbam: int
    reason: str


INFERENCE = Passes(
    inner=2,  # read v, write relu(u)
    plain=3,  # read v and the shortcut, write the result
    se=4,  # read v for the squeeze before: the gate needs all positions, and the result needs the gate
    cbam=5,  # and for mean and maximum over channels between: they need the channel gate, the result needs theirs
    reason="read v, write the result; at a unit's end read the shortcut; SE reads v once more, CBAM twice",
)
FORWARD = Passes(
    inner=3,  # the statistics of the batch need v whole before the norm can begin
    plain=4,  # the same, with the shortcut
    se=4,  # the squeeze of u is a function of the sums that the statistics are made of
    cbam=5,  # so are its mean and maximum, u being linear in v by channel; those over channels need another read
    reason="one more read of v for the batch's statistics, which give SE its squeeze too; CBAM reads v once more",
)
BACKWARD = Passes(
    inner=5,  # read the gradient and v for the sums (v tells where ReLU was positive); read both, write v's gradient
    plain=7,  # read gradient, result and v for the sums, write the shortcut's gradient; read it and v, write v's
    se=7,  # the gradient of the gate is made of sums over the same maps, by image
    cbam=9,  # sums over channels come first; those over positions contain the spatial gate's gradient: both maps again
    reason="sums over gradient and v, then v's gradient; at a unit's end also read the result, write the shortcut's "
    "gradient; SE's sums are the same, by image; CBAM reads both maps once more",
)
PATHS = {"inference": INFERENCE, "training, forward": FORWARD, "training, backward": BACKWARD}


@dataclass(frozen=True)
class Maps:
    """Bytes of every norm's output in one batch.

    Args:
        inner: Of all norms but those in ``ends``.
        ends: Of the last norm of each unit.
    """

    inner: tuple[int, ...]
    ends: tuple[int, ...]


def maps(model: nn.Module, x: Tensor) -> Maps:
    """Read the sizes off a pass."""
    inner, ends = noted(model, _BatchNorm, x), noted(model, ResidualUnit, x)
    for end in ends:  # a unit's last norm has the size of its result
        inner.remove(end)
    return Maps(tuple(inner), tuple(ends))


def noted(model: nn.Module, kind: type[nn.Module], x: Tensor) -> list[int]:
    """Return the bytes of what each module of a kind returns in a pass."""
    sizes: list[int] = []
    handles = [one.register_forward_hook(noting(sizes)) for one in model.modules() if isinstance(one, kind)]
    with torch.no_grad():
        model.eval()(x)
    for handle in handles:
        handle.remove()
    return sizes


def noting(sizes: list[int]) -> Callable[[nn.Module, object, Tensor], None]:
    def hook(module: nn.Module, args: object, output: Tensor) -> None:
        sizes.append(output.numel() * output.element_size())

    return hook


def least_bytes(inner: int, end: int, sizes: Maps) -> int:
    """Return the bytes that so many passes move."""
    return inner * sum(sizes.inner) + end * sum(sizes.ends)


def least_seconds(inner: int, end: int, sizes: Maps) -> float:
    """Return how long that takes at the greatest bandwidth that was measured over maps of each size."""
    return sum(inner * size / fastest(size) for size in sizes.inner) + sum(
        end * size / fastest(size) for size in sizes.ends
    )


def pass_rows() -> Iterator[tuple[str, ...]]:
    """The table of passes."""
    yield "path", "a norm", "a unit's last", "with SE", "with CBAM", "which"
    for name, each in PATHS.items():
        yield name, *(str(count) for count in (each.inner, each.plain, each.se, each.cbam)), each.reason
