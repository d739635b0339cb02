# Global Context in loops, choice by choice, and what follows from its equations.

import math

import pytest
import torch
from torch import nn

from pairs import all_pairs
from senet.accounting import cost
from senet.attention import GC
from senet.errors import UsageError
from senet.networks import initialise


def linear(z, layer):
    biases = [0.0] * layer.out_features if layer.bias is None else layer.bias.tolist()
    rows = zip(layer.weight.tolist(), biases, strict=True)
    return [sum(w * v for w, v in zip(row, z, strict=True)) + bias for row, bias in rows]


def pooled(columns, pool, spec):
    """Columns: a list of C numbers for each position."""
    if spec.pool == "average":
        alpha = [1 / len(columns)] * len(columns)
    else:
        powers = [math.exp(linear(column, pool.mask)[0]) for column in columns]
        alpha = [power / sum(powers) for power in powers]
    return [sum(a * v for a, v in zip(alpha, row, strict=True)) for row in zip(*columns, strict=True)]


def transformed(g, transform, spec):
    if spec.transform == "linear":
        return linear(g, transform.last)
    h = linear(g, transform.fc1)
    mean = sum(h) / len(h)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in h) / len(h) + 1e-5)
    affine = zip(h, transform.norm.weight.tolist(), transform.norm.bias.tolist(), strict=True)
    return linear([max((v - mean) / deviation * scale + shift, 0.0) for v, scale, shift in affine], transform.last)


def loops(x, block, spec):
    result = torch.empty_like(x)
    for b in range(len(x)):
        columns = x[b].flatten(1).T.tolist()
        d = transformed(pooled(columns, block.context.pool, spec), block.context.transform, spec)
        for c, value in enumerate(d):
            result[b, c] = x[b, c] + value if spec.fusion == "add" else x[b, c] / (1 + math.exp(-value))
    return result


CHOICES = (["add", "scale"], ["bottleneck", "linear"], ["attention", "average"])


@pytest.mark.parametrize(
    ("fusion", "transform", "pool", "spatial"), all_pairs(*CHOICES, [(5,), (3, 2), (2, 3, 2), (1,), (1, 1)]), ids=str
)
def test_equals_the_equations(shake, fusion, transform, pool, spatial):
    spec = GC(reduction=2, fusion=fusion, transform=transform, pool=pool)
    block, x = shake(spec(6)), torch.randn(2, 6, *spatial, dtype=torch.float64)
    torch.testing.assert_close(block(x), loops(x, block, spec), rtol=1e-12, atol=1e-12)


def precision(name):
    return torch.autocast("cpu", torch.bfloat16, enabled=name == "autocast")


@pytest.mark.parametrize("mode", ["double", "autocast"])
@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("spec", [GC(4), GC(transform="linear"), GC(4, pool="average")], ids=repr)
def test_a_fresh_block_is_the_identity(spec, train, mode):
    for block in (spec(8), initialise(spec(8))):
        x = torch.randn(2, 8, 5, 4, dtype=torch.double if mode == "double" else torch.float)
        block.train(train).to(x.dtype)
        with precision(mode):
            assert torch.equal(block(x), x)


def test_a_fresh_gate_weighs_by_one_half():
    for block in (GC(4, fusion="scale")(8), initialise(GC(4, fusion="scale")(8))):
        assert torch.equal(block.weights(torch.randn(2, 8, 5, 4)), torch.full((2, 8, 1, 1), 0.5))


def test_constant_channels_are_pooled_to_themselves(shake):
    g = torch.randn(2, 8, dtype=torch.float64)
    x = g[:, :, None, None].expand(2, 8, 5, 4)
    block, plain = shake(GC(4)(8)), GC(4, pool="average")(8).double()
    torch.testing.assert_close(block.context.pool(x), g, rtol=1e-12, atol=1e-12)
    plain.load_state_dict({name: value for name, value in block.state_dict().items() if ".mask." not in name})
    torch.testing.assert_close(block(x), plain(x), rtol=1e-12, atol=1e-12)


def test_the_bias_of_the_mask_changes_nothing_and_gets_no_gradient(shake):
    block, x = shake(GC(2)(8)), torch.randn(2, 8, 5, 4, dtype=torch.float64)
    y = block(x)
    y.square().sum().backward()
    mask = block.context.pool.mask
    assert mask.bias.grad.abs().max() < 1e-9 < 1e-3 < mask.weight.grad.abs().max()
    nn.init.constant_(mask.bias, 7.0)
    torch.testing.assert_close(block(x), y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pool", ["attention", "average"])
def test_the_order_of_the_positions_does_not_matter(shake, pool):
    block, x = shake(GC(2, pool=pool)(8)), torch.randn(2, 8, 30, dtype=torch.float64)
    shuffled = x[:, :, torch.randperm(30)]
    torch.testing.assert_close(block.term(shuffled), block.term(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(block.term(x.reshape(2, 8, 5, 6))[..., 0], block.term(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_large_weights_of_the_mask_choose_the_position_that_they_favour(kind):
    block, x = GC(4)(8), torch.randn(3, 8, 20)
    nn.init.normal_(block.context.pool.mask.weight, std=1e6)
    at = torch.einsum("bcn,c->bn", x, block.context.pool.mask.weight[0]).argmax(1)
    expected = x[torch.arange(3), :, at].to(kind)
    assert torch.equal(block.to(kind).context.pool(x.to(kind)), expected)


@pytest.mark.parametrize(
    "spec", [GC(4), GC(transform="linear"), GC(4, pool="average"), GC(4, fusion="scale")], ids=repr
)
def test_the_first_step_moves_the_last_layer_alone(spec):
    block = initialise(spec(8)).double()
    block(torch.randn(4, 8, 5, 4, dtype=torch.float64)).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.any() == (".last." in name), name


@pytest.mark.parametrize("fusion", ["add", "scale"])
@pytest.mark.parametrize(
    ("choice", "parameters", "multiply_adds"),
    [
        # C = 1024, h = 64, N = 63: 2Ch + 3h + C, and C + 1 of the mask; 2CN + 2Ch. Cao et al. print 25.69M and 26.61M
        # for ResNet-50 with one block or one simplified non-local block.
        ({}, 133_313, 2 * 1024 * 63 + 2 * 1024 * 64),
        ({"transform": "linear"}, 1_049_601, 2 * 1024 * 63 + 1024**2),
        ({"pool": "average"}, 133_313 - 1025, 2 * 1024 * 64),
        ({"reduction": 4}, 2 * 1024 * 256 + 3 * 256 + 2 * 1024 + 1, 2 * 1024 * 63 + 2 * 1024 * 256),
    ],
    ids=str,
)
def test_costs_in_closed_form(choice, fusion, parameters, multiply_adds):
    found = cost(GC(fusion=fusion, **choice)(1024), (1024, 7, 9))
    assert found.attention == found.total
    assert (found.parameters, found.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("fusion", ["add", "scale"])
@pytest.mark.parametrize("shape", [(2, 8, 9), (2, 8, 5, 4), (1, 8, 1, 1)], ids=str)
def test_low_precision_is_near_double(kind, fusion, shape):
    block, x = GC(2, fusion=fusion)(8), torch.randn(shape)
    nn.init.normal_(block.context.transform.last.weight)
    expected = block.double()(x.double())
    y = block.to(kind)(x.to(kind))
    assert y.dtype == kind
    torch.testing.assert_close(y.double(), expected, rtol=0.05, atol=0.05)


def test_maps_that_are_not_contiguous_give_the_same(shake):
    block, x = shake(GC(2)(8)), torch.randn(2, 5, 8, 9, dtype=torch.float64).transpose(1, 2)[..., ::2]
    torch.testing.assert_close(block(x), block(x.contiguous()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spec", [GC(4), GC(4, fusion="scale")], ids=repr)
def test_no_image_is_no_image(spec):
    assert spec(8)(torch.empty(0, 8, 4, 4)).shape == (0, 8, 4, 4)


@pytest.mark.parametrize(("channels", "reduction"), [(8, 16), (16, 16), (31, 16), (3, 2), (2, 2)])
def test_fewer_than_two_hidden_units_are_refused_with_a_reduction_that_leaves_two(channels, reduction):
    """A layer norm of one value is its bias whatever the image is."""
    with pytest.raises(UsageError, match="hidden unit") as error:
        GC(reduction=reduction)(channels)
    largest = int(error.value.do.partition(" ")[0])
    assert GC(reduction=largest)(channels).context.transform.fc1.out_features >= 2
    with pytest.raises(UsageError, match="hidden unit"):
        GC(reduction=largest + 1)(channels)


def test_the_reduction_has_no_say_in_one_layer_without_hidden_units():
    assert GC(transform="linear")(1).context.transform.last.weight.shape == (1, 1)


@pytest.mark.parametrize("spec", [GC(), GC(transform="linear")], ids=repr)
@pytest.mark.parametrize("channels", [0, -1])
def test_a_map_without_channels_is_refused(spec, channels):
    with pytest.raises(UsageError, match=f"{channels} channels"):
        spec(channels)


@pytest.mark.parametrize(
    "fields", [{"reduction": 0}, {"reduction": 4.0}, {"pool": "avg"}, {"transform": ""}, {"fusion": "mul"}], ids=str
)
def test_choices_that_it_does_not_have_are_refused(fields):
    with pytest.raises(UsageError, match=f"GC: {next(iter(fields))}="):
        GC(**fields)
