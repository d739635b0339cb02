# What blocks refuse, each in words that say how to go on.

import itertools

import pytest
import torch

from senet.attention import CBAM, SE, SK, SelectiveKernel
from senet.errors import UsageError

SE_BLOCKS = [SE(4), SE(4, squeeze="max"), SE(4, squeeze="none"), SE(4, norm=True)]
ORDERS, SPATIAL = ("channel-spatial", "spatial-channel", "parallel"), ("pool", "conv", "none")
MAP_BLOCKS = [
    *(CBAM(4, order=order, spatial=spatial) for order, spatial in itertools.product(ORDERS, SPATIAL)),
    SK(groups=2),
]


def build(spec):
    return spec(8) if spec.slot == "gate" else spec(8, 8, stride=1)


@pytest.mark.parametrize("shape", [(8,), (2, 8), (2, 8, 1, 1, 1, 1), (2, 7, 3, 3), (8, 3, 3), (2, 3, 3, 8)])
@pytest.mark.parametrize("spec", SE_BLOCKS + MAP_BLOCKS, ids=repr)
def test_wrong_rank_or_channels_say_what_is_taken_and_what_came(spec, shape):
    with pytest.raises(UsageError, match=r"takes \(batch, 8, \*spatial\)") as error:
        build(spec)(torch.randn(shape))
    assert f"got {shape}" in error.value.what


@pytest.mark.parametrize("shape", [(2, 8, 4), (2, 8, 4, 4, 4)])
@pytest.mark.parametrize("spec", MAP_BLOCKS, ids=repr)
def test_signals_and_volumes_are_refused_where_the_block_is_for_images(spec, shape):
    with pytest.raises(UsageError, match="2 spatial axes"):
        build(spec)(torch.randn(shape))


@pytest.mark.parametrize(
    ("spec", "one"),
    [(SE(4, norm=True), (1, 8, 4, 4)), (SE(4, norm=True), (1, 8, 4)), (SE(4, norm=True, squeeze="none"), (1, 8, 1, 1)),
     (CBAM(4), (1, 8, 1, 1)), (CBAM(4, order="parallel"), (1, 8, 1, 1)), (SK(groups=2), (1, 8, 4, 4))],
    ids=repr,
)  # fmt: skip
def test_a_norm_refuses_one_value_per_channel_in_training_only(spec, one):
    block = build(spec)
    with pytest.raises(UsageError, match="one value per channel") as error:
        block(torch.randn(one))
    assert "two images" in error.value.do
    assert block(torch.randn(2, *one[1:])).isfinite().all()
    assert block.eval()(torch.randn(one)).isfinite().all()


@pytest.mark.parametrize("spec", [SE(4), SE(4, norm=True, squeeze="none"), CBAM(4), SK(groups=2, norm=False)], ids=repr)
def test_one_image_trains_where_each_norm_has_many_values(spec):
    assert build(spec)(torch.randn(1, 8, 4, 4)).isfinite().all()


@pytest.mark.parametrize("kernel_size", [2, 6])
def test_even_kernel_is_refused_with_its_odd_neighbours(kernel_size):
    with pytest.raises(UsageError, match=f"kernel_size={kernel_size} is even") as error:
        CBAM(kernel_size=kernel_size)(32)
    assert f"{kernel_size + 1} or {kernel_size - 1}" in error.value.do


@pytest.mark.parametrize(
    ("channels", "groups", "remedy"), [((8, 8), 3, 2), ((6, 8), 4, 2), ((8, 12), 32, 4), ((3, 8), 2, 1)]
)
def test_groups_that_do_not_divide_name_some_that_do(channels, groups, remedy):
    with pytest.raises(UsageError, match=f"{channels[0]} -> {channels[1]} channels") as error:
        SK(groups=groups)(*channels)
    assert f"{groups} groups" in error.value.what
    assert error.value.do.endswith(f"instance {remedy}")


@pytest.mark.parametrize(
    "fields",
    [
        {"kernels": (2, 3)}, {"kernels": ()}, {"dilations": ()}, {"dilations": (0, 1)}, {"branches": 0},
        {"branches": 3, "kernels": (3, 5)}, {"kernels": (3, 5), "dilations": (1, 1, 1)}, {"minimum": 0}, {"groups": 0},
    ],
    ids=repr,
)  # fmt: skip
def test_branches_that_make_no_sense_are_refused(fields):
    with pytest.raises(UsageError, match="SK"):
        SK(**fields)


def test_selection_without_hidden_units_is_refused():
    with pytest.raises(UsageError, match="hidden unit"):
        SelectiveKernel(8, 8, groups=2, hidden=0)
