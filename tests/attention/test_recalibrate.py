import pytest
import torch

from senet.attention import recalibrate


def maps(count):
    return [torch.randn(2, 3, 4, 5, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 1, 4, 5), (2, 3, 4, 5)])
def test_weighs_adds_and_rectifies(shape):
    (y, shortcut), w = maps(2), torch.rand(shape, dtype=torch.float64)
    result = recalibrate(y, w, shortcut)
    for at in torch.cartesian_prod(*map(torch.arange, y.shape)):
        b, c, i, j = at.tolist()
        expected = y[b, c, i, j] * w.expand_as(y)[b, c, i, j] + shortcut[b, c, i, j]
        assert result[b, c, i, j] == max(expected, torch.zeros_like(expected))


def test_without_weights_is_the_plain_sum():
    y, shortcut = maps(2)
    assert torch.equal(recalibrate(y, None, shortcut), (y + shortcut).clamp(min=0))


@pytest.mark.parametrize("weighed", [True, False])
def test_gradients_are_those_of_finite_differences(weighed):
    y, shortcut = (x.requires_grad_() for x in maps(2))
    w = torch.rand(2, 3, 1, 1, dtype=torch.float64, requires_grad=True) if weighed else None
    assert torch.autograd.gradcheck(recalibrate, (y, w, shortcut))


def test_leaves_its_inputs_alone():
    y, w, shortcut = maps(3)
    before = [x.clone() for x in (y, w, shortcut)]
    recalibrate(y, w, shortcut)
    assert all(torch.equal(x, was) for x, was in zip((y, w, shortcut), before, strict=True))
