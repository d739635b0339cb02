# What blocks refuse, each in words that say how to go on.

import math
from dataclasses import fields

import pytest
import torch
from torch import nn

from catalogue_of_blocks import CHANNELS, VARIANTS, build, each_variant, row_of
from senet.attention import CBAM, SK, SPECS, SelectiveKernel, spec_names
from senet.attention.contract import attention_names
from senet.errors import UsageError

AXES = {1: (4,), 2: (4, 3), 3: (4, 3, 2)}
NOT_MAPS = (8,), (2, 8), (2, 8, 1, 1, 1, 1), (2, 7, 3, 3), (8, 3, 3), (2, 3, 3, 8)


@each_variant
def test_wrong_rank_or_channels_say_what_is_taken_and_what_came(spec):
    block = build(spec)
    for shape in NOT_MAPS:
        with pytest.raises(UsageError, match=rf"takes \(batch, {CHANNELS}, \*spatial\)") as error:
            block(torch.randn(shape))
        assert f"got {shape}" in error.value.what


@each_variant
def test_signals_and_volumes_are_taken_or_refused_as_the_catalogue_says(spec):
    taken, block = row_of(spec).axes, build(spec).eval()
    for axes, spatial in AXES.items():
        x = torch.randn(2, CHANNELS, *spatial)
        if axes in taken:
            assert block(x).shape == x.shape
        else:
            with pytest.raises(UsageError, match=f"with {' or '.join(map(str, taken))} spatial axes"):
                block(x)


def fewest_values(block, x):
    """Return the values per channel of the norm over the batch that sees the fewest: of attention, of convolutions."""
    seen, attention = {True: [], False: []}, attention_names(block)
    for name, norm in block.named_modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            values = seen[name in attention]
            norm.register_forward_pre_hook(
                lambda norm, args, values=values: values.append(args[0].numel() // norm.num_features)
            )
    block.eval()(x)
    return tuple(min(seen[inside], default=None) for inside in (True, False))


@each_variant
def test_a_norm_refuses_one_value_per_channel_in_training_only(spec):
    for shape in ((1, 1, 1), (1, 4, 4), (2, 1, 1), (2, 4, 4)):
        refuses_one_value(spec, shape)


def refuses_one_value(spec, shape):
    x = torch.randn(shape[0], CHANNELS, *shape[1:])
    of_attention, of_convolutions = fewest_values(build(spec), x)
    block = build(spec)
    if of_convolutions == 1:  # a map of one position: torch's own words
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            block(x)
    elif of_attention == 1:
        with pytest.raises(UsageError, match="one value per channel") as error:
            block(x)
        assert "two images" in error.value.do
    else:
        assert block(x).isfinite().all()
    assert block.eval()(x).isfinite().all()


def test_the_catalogue_has_norms_that_see_one_value_and_blocks_without_norms():
    x = torch.randn(1, CHANNELS, 1, 1)
    fewest = {fewest_values(build(spec), x) for spec in VARIANTS}
    assert fewest >= {(1, None), (None, None), (1, 1), (None, 1)}


@pytest.mark.parametrize("kind", SPECS.values(), ids=SPECS)
def test_every_public_spec_is_listed_and_refuses_fields_of_other_types(kind):
    assert f"{kind.__name__}()" in spec_names().split(", ")
    for field in fields(kind):
        for wrong in (object(), b"", {}, math.nan, *([] if field.type is float else [1.5])):
            with pytest.raises(UsageError, match=kind.__name__) as error:
                kind(**{field.name: wrong})
            assert field.name in str(error.value)


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
