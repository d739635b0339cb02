"""How the axes of a forward pass lie: how many a map has, and where channels are the last one."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch import nn

EXAMPLES = {3: (16000,), 5: (8, 64, 64)}  # spatial axes that most networks for sound and for video take
LAYOUTS = {3: "(B, C, L)", 4: "(B, C, H, W)", 5: "(B, C, T, H, W)"}


def rank_of(kernels: Iterable[tuple[int, ...]]) -> int:
    """Return the number of a map's axes: that of most convolutions, of the first where two are as many.

    One of another rank may stand in front or between: a filter bank on a waveform before a network for its
    spectrogram, ECA's convolution over channels.

    Args:
        kernels: Of the convolutions, in their order; none makes 4.
    """
    found = Counter(len(kernel) + 2 for kernel in kernels).most_common(1)
    return found[0][0] if found else 4


def example_hint(model: nn.Module) -> str:
    """Show an example that may fit where the usual one, an image, does not; empty for a network for images."""
    shape = _usual_shape(model)
    return f"; here perhaps example={shape} (--example {','.join(map(str, shape))})" if shape else ""


def _usual_shape(model: nn.Module) -> tuple[int, ...]:
    layers = [module for module in model.modules() if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)]
    rank = rank_of(layer.kernel_size for layer in layers)
    first = next((layer for layer in layers if len(layer.kernel_size) + 2 == rank), None)
    return (1, first.in_channels, *EXAMPLES[rank]) if first is not None and rank in EXAMPLES else ()


def permutation(op: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the axes of its input in the order in which an operator's result has them; empty if it moves none."""
    if op == "permute":
        return tuple(axis % len(args[1]) for axis in args[1])
    if op != "transpose":
        return ()
    axes = list(range(args[0].ndim))
    one, other = args[1:]
    axes[one], axes[other] = axes[other], axes[one]
    return tuple(axes)


def sum_axes(op: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the axes of its input that an operator sums over; empty if it is no sum over axes."""
    if op != "sum" or len(args) < 2 or args[1] is None:
        return ()
    return tuple(axis % args[0].ndim for axis in args[1])


def channels_last(axes: tuple[int, ...], rank: int, before: bool) -> bool:
    """Say whether what an operator made has its channels in the last axis.

    Args:
        axes: See :func:`order`.
        rank: Of a map.
        before: Whether its input has.
    """
    channels, *positions = range(1, rank)
    if axes == (0, 2, 1) and rank == 3:  # the way there and the way back are the same
        return not before
    return {(0, *positions, channels): True, (0, rank - 1, *range(1, rank - 1)): False}.get(axes, before)
