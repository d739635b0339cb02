# Efficient Channel Attention in loops: the mean, a kernel over the channels with zeros beyond both ends, a sigmoid.

import math

import pytest
import torch
from torch import nn

from senet.accounting import cost
from senet.attention import ECA
from senet.attention.efficient_channel import EfficientChannelAttention
from senet.errors import UsageError
from senet.networks import initialise


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def logits(y, kernel):
    half = len(kernel) // 2
    seen = [[(tap, c + j - half) for j, tap in enumerate(kernel)] for c in range(len(y))]
    return [sum(tap * y[at] for tap, at in taps if 0 <= at < len(y)) for taps in seen]


def loops(x, kernel):
    result = torch.empty_like(x)
    for b in range(len(x)):
        values = [x[b, c].flatten().tolist() for c in range(x.shape[1])]
        for c, logit in enumerate(logits([sum(v) / len(v) for v in values], kernel)):
            result[b, c] = x[b, c] * sigmoid(logit)
    return result


def taps(block):
    return block.conv.weight.flatten().tolist()


def with_means(y):
    """A map whose means over the positions are y, in every image."""
    deviations = torch.randn(2, len(y), 3, 5, dtype=torch.float64)
    return deviations - deviations.mean((2, 3), keepdim=True) + y[:, None, None]


@pytest.mark.parametrize("spatial", [(5,), (4, 3), (2, 3, 2), (1,), (1, 1), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
def test_equals_the_equations_on_signals_images_and_volumes(shake, kernel_size, spatial):
    block, x = shake(ECA(kernel_size=kernel_size)(8)), torch.randn(2, 8, *spatial, dtype=torch.float64)
    torch.testing.assert_close(block(x), loops(x, taps(block)), rtol=1e-12, atol=1e-12)
    assert block.weights(x).shape == (2, 8, *(1,) * len(spatial))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel_size", [5, 7, 9])
def test_a_kernel_larger_than_the_channels_sees_zeros_beyond_them(shake, kernel_size, channels):
    block, x = shake(ECA(kernel_size=kernel_size)(channels)), torch.randn(2, channels, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(block(x), loops(x, taps(block)), rtol=1e-12, atol=1e-12)


def test_a_kernel_of_zeros_weighs_by_one_half():
    block, x = ECA(kernel_size=5)(16), torch.randn(2, 16, 4, 4)
    nn.init.zeros_(block.conv.weight)
    assert torch.equal(block.weights(x), torch.full((2, 16, 1, 1), 0.5))


@pytest.mark.parametrize("at", [2, 4, 9])
def test_one_channel_alone_shows_the_kernel_reversed_around_it(shake, at):
    block, y = shake(ECA(kernel_size=5)(12)), torch.zeros(12, dtype=torch.float64)
    y[at] = 1
    expected = torch.zeros(12, dtype=torch.float64)
    expected[at - 2 : at + 3] = torch.tensor(taps(block)[::-1], dtype=torch.float64)
    found = block.weights(with_means(y)).logit().flatten(1)
    torch.testing.assert_close(found, expected.expand(2, 12), rtol=1e-9, atol=1e-9)


def test_channels_at_the_ends_see_fewer_taps(shake):
    block, x = shake(ECA(kernel_size=5)(9)), with_means(torch.full((9,), 0.5, dtype=torch.float64))
    a, b, c, d, e = taps(block)
    sums = [c + d + e, b + c + d + e, *[a + b + c + d + e] * 5, a + b + c + d, a + b + c]
    expected = torch.tensor([sigmoid(0.5 * total) for total in sums], dtype=torch.float64)
    torch.testing.assert_close(block.weights(x).flatten(1), expected.expand(2, 9), rtol=1e-12, atol=1e-12)


def test_the_centre_tap_alone_is_the_sigmoid_of_the_mean():
    block, x = ECA(kernel_size=3)(8).double(), torch.randn(2, 8, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        block.conv.weight.copy_(torch.tensor([[[0.0, 1.0, 0.0]]]))
    torch.testing.assert_close(block(x), x * x.mean((2, 3), keepdim=True).sigmoid(), rtol=1e-12, atol=1e-12)


def test_reversing_channels_and_kernel_commutes_and_permuting_channels_does_not(shake):
    block, x = shake(ECA(kernel_size=3)(8)), torch.randn(2, 8, 4, 3, dtype=torch.float64)
    y, swapped = block(x), [1, 0, *range(2, 8)]
    assert (block(x[:, swapped]) - y[:, swapped]).abs().max() > 0.01
    with torch.no_grad():
        block.conv.weight.copy_(block.conv.weight.flip(2))
    torch.testing.assert_close(block(x.flip(1)).flip(1), y, rtol=1e-12, atol=1e-12)


def test_a_given_size_goes_before_the_rule_and_that_of_a_width_before_both():
    spec = ECA(kernel_size=9, kernels=((64, 1), (256, 7)))
    assert [spec.taps(channels) for channels in (32, 64, 256, 512)] == [9, 1, 7, 9]
    assert [ECA(kernels=((64, 1),)).taps(channels) for channels in (64, 256)] == [1, 5]
    assert ECA(kernels=[[64, 1]]) == ECA(kernels=((64, 1),))  # as JSON and TOML have it


@pytest.mark.parametrize(("channels", "kernel_size"), [(4, 1), (64, 3), (256, 5), (10, 7)])
def test_it_has_k_parameters_and_k_multiply_adds_a_channel(channels, kernel_size):
    found = cost(ECA(kernel_size=kernel_size)(channels), (channels, 7, 9))
    assert found.attention == found.total
    assert (found.parameters, found.multiply_adds) == (kernel_size, kernel_size * channels)


@pytest.mark.parametrize("kernel_size", [3, 7])
def test_the_kernel_is_drawn_as_torch_draws_it(kernel_size):
    """The authors' networks initialise Conv2d and norms alone: uniform within 1 / sqrt(k)."""
    blocks = nn.ModuleList(EfficientChannelAttention(8, kernel_size) for _ in range(300))
    drawn = torch.cat([block.conv.weight.flatten() for block in initialise(blocks)]).detach() * kernel_size**0.5
    assert 0.98 < drawn.abs().max() <= 1
    assert abs(drawn.std() - 1 / 3**0.5) < 0.05


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(2, 8, 5), (2, 8, 5, 4), (1, 8, 1, 1)], ids=str)
def test_low_precision_is_near_double(kind, shape):
    block, x = ECA(kernel_size=5)(8), torch.randn(shape)
    expected = block.double()(x.double())
    y = block.to(kind)(x.to(kind))
    assert y.dtype == kind
    torch.testing.assert_close(y.double(), expected, rtol=0.02, atol=0.02)


def test_maps_that_are_not_contiguous_give_the_same(shake):
    block, x = shake(ECA()(8)), torch.randn(2, 5, 8, 9, dtype=torch.float64).transpose(1, 2)[..., ::2]
    torch.testing.assert_close(block(x), block(x.contiguous()), rtol=1e-12, atol=1e-12)


def test_no_image_is_no_image():
    assert ECA()(8)(torch.empty(0, 8, 4, 4)).shape == (0, 8, 4, 4)


@pytest.mark.parametrize("k", [-1, 0, 2, 4])
def test_a_kernel_that_is_not_odd_is_refused_with_one_that_is(k):
    for make in (
        lambda: ECA(kernel_size=k),
        lambda: ECA(kernels=((64, max(k, 2)),)),
        lambda: EfficientChannelAttention(8, k),
    ):
        with pytest.raises(UsageError, match="is not odd") as error:
            make()
        assert ECA(kernel_size=int(error.value.do.split()[-1]))


@pytest.mark.parametrize("kernels", [((64,),), ((64, 3, 5),), ((),), ((0, 3),), ((64, 0),)], ids=str)
def test_kernels_that_are_no_pairs_are_refused(kernels):
    with pytest.raises(UsageError, match="pairs"):
        ECA(kernels=kernels)


@pytest.mark.parametrize("kernels", [3, (64, 3), "3", (("64", 3),), ((64, 3.0),)], ids=repr)
def test_kernels_of_another_type_are_refused(kernels):
    with pytest.raises(UsageError, match="kernels"):
        ECA(kernels=kernels)


def test_a_width_with_two_kernels_is_refused():
    with pytest.raises(UsageError, match="twice"):
        ECA(kernels=((64, 3), (64, 5)))


@pytest.mark.parametrize(
    "fields", [{"gamma": 0}, {"b": 0}, {"gamma": 1.5}, {"kernel_size": 3.0}, {"kernel_size": True}]
)
def test_numbers_that_the_rule_cannot_take_are_refused(fields):
    with pytest.raises(UsageError, match=f"ECA: {next(iter(fields))}="):
        ECA(**fields)


@pytest.mark.parametrize("channels", [0, -1])
def test_a_map_without_channels_is_refused(channels):
    with pytest.raises(UsageError, match=f"{channels} channels"):
        ECA()(channels)


@pytest.mark.parametrize(
    ("network", "remedy"), [("resnet5", "resnet50"), ("vgg", "known: mobilenet_v2"), (50, "known")]
)
def test_a_network_that_was_not_released_is_refused_with_those_that_were(network, remedy):
    with pytest.raises(UsageError, match=f"no network {network!r}") as error:
        ECA.released(network)
    assert remedy in error.value.do
