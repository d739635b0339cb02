# The optional ways to ask a block for its weights: of a mean, and as two factors of its product with a map.

import copy

import pytest
import torch
from torch import nn

from catalogue_of_blocks import CHANNELS, GATES, build, each
from senet.attention import CBAM, ECA, SE, ChannelGate, ConvBlockAttention
from senet.attention.cbam import channel_first
from senet.attention.squeeze_excite import average

ORDERS = ("channel-spatial", "spatial-channel", "parallel")
each_order = pytest.mark.parametrize("order", ORDERS)
near = {"rtol": 1e-12, "atol": 1e-12}


def image():
    return torch.randn(2, CHANNELS, 5, 4, dtype=torch.float64)


def has(name):
    return each(spec for spec in GATES if hasattr(build(spec), name))


@has("excite")
def test_a_block_that_sees_means_alone_is_told_by_its_squeeze(shake, spec):
    block, x = shake(build(spec)), image()
    if block.squeeze is average:
        torch.testing.assert_close(block.excite(x.mean((2, 3)))[:, :, None, None], block.weights(x), **near)


@pytest.mark.parametrize("spec", [SE(reduction=4), ECA()], ids=repr)
def test_squeeze_and_efficient_channel_see_means_alone(shake, spec):
    assert shake(build(spec)).squeeze is average


@has("factors")
@pytest.mark.parametrize("fresh", [False, True])
@torch.no_grad()
def test_the_product_of_the_factors_is_that_of_map_and_weights(shake, spec, fresh):
    block, x = shake(build(spec)), image()
    expected, given = x * block.weights(x), x.clone()
    first, second = block.factors(given, fresh)
    assert first.shape == x.shape
    torch.testing.assert_close(first * second, expected, **near)
    assert fresh or torch.equal(given, x)


@each_order
def test_the_product_of_both_weights_is_no_map(shake, order):
    block, x = shake(CBAM(reduction=4, order=order)(CHANNELS)), image()
    assert block.factors(x, False)[1].numel() < x.numel()
    with torch.no_grad():
        assert block.factors(x, True)[0].data_ptr() == x.data_ptr()


@each_order
@pytest.mark.parametrize("training", [True, False])
def test_who_listens_at_the_gate_is_given_the_product(shake, order, training):
    block, x, seen = shake(CBAM(reduction=4, order=order)(CHANNELS)), image(), []
    quiet = copy.deepcopy(block)
    block.gate.register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.set_grad_enabled(training):
        y, (first, second) = block(x), block.factors(x, False)
        torch.testing.assert_close(y, quiet(x), **near)
        torch.testing.assert_close(first * second, y, **near)
    assert len(seen) == 2
    assert all(torch.equal(weights, quiet.weights(x)) for weights in seen)


@each_order
@torch.no_grad()
def test_what_the_gate_returns_is_obeyed(shake, order):
    """An ablation by a hook: the gate is set to one."""
    block, x = shake(CBAM(reduction=4, order=order)(CHANNELS)), image()
    block.gate.register_forward_hook(lambda module, args, output: torch.ones_like(output))
    assert torch.equal(block(x), x)


@each_order
@torch.no_grad()
def test_a_map_that_a_hook_within_has_seen_stays_when_the_factors_are_overwritten(shake, order):
    block, x, seen = shake(CBAM(reduction=4, order=order)(CHANNELS)), image(), []
    block.spatial.compress.register_forward_hook(lambda module, args, output: seen.append((args[0], args[0].clone())))
    first, second = block.factors(x, True)
    first.mul_(second)
    block(x)
    assert len(seen) == 2
    assert all(torch.equal(kept, copied) for kept, copied in seen)


class Keeper(nn.Module):
    """A gate of a user's own, which keeps the map that it has weighed."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Sigmoid()

    def weights(self, x):
        self.kept, self.copied = x, x.clone()
        return self.gate(x.mean(1, keepdim=True))


@torch.no_grad()
def test_a_gate_of_the_users_own_may_keep_its_map(shake):
    block, x = shake(ConvBlockAttention(ChannelGate(CHANNELS, 2), Keeper(), channel_first)), image()
    expected = x * block.weights(x)
    first, second = block.factors(x.clone(), True)
    torch.testing.assert_close(first.mul_(second), expected, **near)
    torch.testing.assert_close(block(x), expected, **near)
    assert torch.equal(block.spatial.kept, block.spatial.copied)
