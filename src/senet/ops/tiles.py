"""How a map is cut into tiles, each of which one program of a kernel loads at once.

In memory an image is a matrix, (C, H * W) where it is contiguous and (H * W, C) where it is channels_last. Tiles are
cut from that matrix, so that a kernel is written once; whether the inner size, whose neighbours are neighbours in
memory, is that of the channels, tells it along which axis rows are spread and sums are taken.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

VALUES = 2048
"""Of a tile: 16 for each of a program's 128 threads."""

INNER, INNER_CHANNELS = 256, 64
"""At most, of a tile: what is read together in memory. Fewer channels, for each brings numbers of its own along."""

PROGRAMS = 1024
"""That sums are split for: eight on each multiprocessor of a large GPU. A constant, for sums equal on all of them."""

STEPS = 4
"""Tiles, without which a program of its own does not pay."""


class Tiles(NamedTuple):
    """The tiles of a map.

    Args:
        programs: One a tile.
        programs_of_sums: A block of channels each, and a share of its positions.
        splits: Programs that share the positions of a channel, where sums are taken over them.
        steps: Tiles that each of these adds up.
        arguments: Of every kernel: the outer size, the inner size over `vector`, whether the inner are channels,
            `vector`, a power of 2 that divides the inner size, and both sizes of a tile.
    """

    programs: int
    programs_of_sums: int
    splits: int
    steps: int
    arguments: tuple[int, int, bool, int, int, int]


def memory_format(x: Tensor) -> torch.memory_format:
    """Return the memory format of a map (B, C, H, W); contiguous for one that has none."""
    # A map of one channel has both, and its neighbours are positions.
    is_last = x.shape[1] > 1 and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


@lru_cache(maxsize=1024)
def tiles(shape: torch.Size, form: torch.memory_format) -> Tiles:
    """Return the tiles of a map (B, C, H, W) with at least one position."""
    images, channels, height, width = shape
    last = form is torch.channels_last
    outer, inner = (height * width, channels) if last else (channels, height * width)
    block_inner = min(_power_of_2(inner), INNER_CHANNELS if last else INNER)
    block_outer = min(_power_of_2(outer), VALUES // block_inner)
    counts = _ceil(outer, block_outer), _ceil(inner, block_inner)
    of_positions, of_channels = counts if last else counts[::-1]
    splits, steps = _split(of_positions, images * of_channels)
    vector = min(inner & -inner, 16)
    return Tiles(
        programs=images * of_positions * of_channels,
        programs_of_sums=images * of_channels * splits,
        splits=splits,
        steps=steps,
        arguments=(outer, inner // vector, last, vector, block_outer, block_inner),
    )


def _split(tiles: int, programs: int) -> tuple[int, int]:
    """Return how many programs share the tiles of a sum, and how many of them each adds up."""
    splits = min(_ceil(tiles, STEPS), _ceil(PROGRAMS, max(programs, 1)))
    steps = _ceil(tiles, splits)
    return _ceil(tiles, steps), steps


def _ceil(size: int, part: int) -> int:
    return -(-size // part)


def _power_of_2(size: int) -> int:
    """Return the next power of 2."""
    return 1 << (size - 1).bit_length()
