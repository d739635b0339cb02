import pytest
import torch

from senet.ops.tiles import PROGRAMS, STEPS, VALUES, memory_format, tiles

LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format
SHAPES = [(1, 1, 1, 1), (2, 3, 5, 7), (64, 256, 56, 56), (64, 2048, 7, 7), (2, 64, 112, 112), (1, 72, 300, 301)]


@pytest.mark.parametrize("form", [CONTIGUOUS, LAST])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_value_is_in_one_tile_and_no_program_is_without_work(shape, form):
    cut = tiles(torch.Size(shape), form)
    images, channels, height, width = shape
    outer, parts, last, vector, *block = cut.arguments
    assert (outer, parts * vector) == ((height * width, channels) if last else (channels, height * width))
    assert all(size & (size - 1) == 0 for size in (vector, *block))  # Triton takes nothing else
    assert block[0] * block[1] <= VALUES
    counts = -(-outer // block[0]), -(-parts * vector // block[1])
    assert cut.programs == images * counts[0] * counts[1]
    of_positions = counts[0] if last else counts[1]
    assert cut.steps * (cut.splits - 1) < of_positions <= cut.steps * cut.splits
    assert cut.programs_of_sums == cut.programs // of_positions * cut.splits


def test_sums_are_split_where_programs_are_few_and_tiles_are_many():
    few, many = torch.Size((2, 64, 112, 112)), torch.Size((512, 256, 112, 112))
    split = tiles(few, LAST)
    assert split.splits > 1
    assert split.steps >= STEPS
    assert split.programs_of_sums <= PROGRAMS
    assert tiles(many, LAST).splits == 1
    assert tiles(torch.Size((2, 64, 7, 7)), LAST).splits == 1


def test_one_channel_has_its_neighbours_among_positions_and_one_position_among_channels():
    assert memory_format(torch.rand(2, 1, 4, 4)) is CONTIGUOUS
    assert memory_format(torch.rand(2, 4, 1, 1)) is LAST


def test_a_map_with_gaps_is_copied_to_the_contiguous_format():
    assert memory_format(torch.rand(2, 3, 4, 4).to(memory_format=LAST)) is LAST
    assert memory_format(torch.rand(2, 3, 4, 8)[..., ::2]) is CONTIGUOUS
