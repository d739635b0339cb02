# What a unit does with attention, whichever way the block changes the map.

import pytest
import torch
from torch import nn

from senet.attention import Effect, attend, recalibrate
from senet.layers import DropPath


class Given(nn.Module):
    """A block with given weights."""

    effect = Effect.MULTIPLIES

    def __init__(self, w):
        super().__init__()
        self.w, self.gate = w, nn.Identity()

    def weights(self, x):
        return self.gate(self.w)


class Added(nn.Module):
    effect = Effect.ADDS

    def __init__(self, d):
        super().__init__()
        self.d, self.gate = d, nn.Identity()

    def forward(self, x):
        return x + self.term(x)

    def term(self, x):
        return self.gate(self.d)


def maps(count):
    return [torch.randn(2, 3, 4, 5, dtype=torch.float64) for _ in range(count)]


def each_element(y, change, shortcut):
    """The equation in slow loops."""
    result = torch.empty_like(y)
    for at in torch.cartesian_prod(*map(torch.arange, y.shape)):
        b, c, i, j = at.tolist()
        result[b, c, i, j] = max(change(y[b, c, i, j].item(), (b, c, i, j)) + shortcut[b, c, i, j].item(), 0.0)
    return result


@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 1, 4, 5), (2, 3, 4, 5)])
def test_weighs_adds_and_rectifies(shape):
    (y, shortcut), w = maps(2), torch.rand(shape, dtype=torch.float64)
    expected = each_element(y, lambda value, at: value * w.expand_as(y)[at].item(), shortcut)
    assert torch.equal(recalibrate(y, Given(w), shortcut), expected)


def test_a_term_is_added_before_the_shortcut():
    (y, shortcut), d = maps(2), torch.randn(2, 3, 1, 1, dtype=torch.float64)
    expected = each_element(y, lambda value, at: value + d.expand_as(y)[at].item(), shortcut)
    assert torch.equal(recalibrate(y, Added(d), shortcut), expected)


def test_without_attention_is_the_plain_sum():
    y, shortcut = maps(2)
    assert torch.equal(recalibrate(y, None, shortcut), (y + shortcut).clamp(min=0))


@pytest.mark.parametrize("kind", [Given, Added])
def test_a_dropped_branch_is_dropped_with_its_attention(kind):
    y, change = torch.randn(64, 3, 2, 2), torch.rand(64, 3, 1, 1) + 1
    drop = DropPath(0.5).train()
    out = attend(y, kind(change), drop)
    whole = 2 * attend(y, kind(change))
    gone = (out == 0).flatten(1).all(1)
    assert 0 < gone.sum() < 64
    torch.testing.assert_close(out[~gone], whole[~gone])


@pytest.mark.parametrize("kind", [Given, Added, None])
def test_gradients_are_those_of_finite_differences(kind):
    y, shortcut = (x.requires_grad_() for x in maps(2))
    w = torch.rand(2, 3, 1, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y, w, s: recalibrate(y, kind and kind(w), s), (y, w, shortcut))


def test_leaves_its_inputs_alone():
    y, w, shortcut = maps(3)
    before = [x.clone() for x in (y, w, shortcut)]
    recalibrate(y, Given(w), shortcut)
    assert all(torch.equal(x, was) for x, was in zip((y, w, shortcut), before, strict=True))
