# The mean and the maximum over axes against torch's own: values, gradients, ties, layouts, dtypes, second order.

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, vmap
from torch.fx import symbolic_trace

from senet.ops import pools

PAIRS = ((pools.mean, torch.Tensor.mean), (pools.maximum, torch.Tensor.amax))
each_pool = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["mean", "maximum"])
sizes = st.integers(1, 5)


def laid_out(x, layout):
    """The same numbers in another order in memory."""
    if layout == "strided":
        return torch.stack([x, x], -1)[..., 0]
    order = torch.channels_last if layout == "channels last" and x.ndim == 4 else torch.contiguous_format
    return x.contiguous(memory_format=order)


@st.composite
def maps(draw):
    """A map of few different numbers, so that maxima tie, and axes of it."""
    shape = draw(st.lists(sizes, min_size=2, max_size=5))
    axes = draw(st.lists(st.integers(1, len(shape) - 1), min_size=1, unique=True))
    torch.manual_seed(draw(st.integers(0, 1000)))
    layout = draw(st.sampled_from(["plain", "channels last", "strided"]))
    return laid_out(torch.randint(-2, 2, shape).double(), layout), tuple(sorted(axes))


@each_pool
@settings(deadline=None)
@given(drawn=maps())
def test_values_and_gradients_are_torchs(ours, theirs, drawn):
    x, axes = drawn
    x.requires_grad_()
    found, expected = ours(x, axes), theirs(x, axes)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)
    weights = torch.randn_like(expected)
    gradients = [torch.autograd.grad(y, x, weights)[0] for y in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-14, atol=1e-14)


@each_pool
@pytest.mark.parametrize("axes", [(1,), (2, 3)], ids=str)
def test_first_and_second_order_by_finite_differences(ours, theirs, axes):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def squared(x):
        return ours(x, axes).square()

    assert torch.autograd.gradcheck(squared, x, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(squared, x, check_batched_grad=True)


@each_pool
def test_transforms_tracers_and_compilers_are_given_torchs_own(ours, theirs):
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(grad(lambda x: ours(x, (1,)).sum())(x), grad(lambda x: theirs(x, (1,)).sum())(x))
    torch.testing.assert_close(vmap(lambda x: ours(x, (1,)))(x), theirs(x, (2,)))
    learning = x.clone().requires_grad_()
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: ours(x, (1,)), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(learning), theirs(x, (1,)))
    torch.testing.assert_close(symbolic_trace(lambda x: ours(x, (1,)))(x), theirs(x, (1,)))


@each_pool
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
def test_low_precision_is_as_near_as_torchs(ours, theirs, kind):
    """A sum of so many tens would overflow in float16, and bfloat16 cannot count so many ties."""
    x = torch.full((1, 2, 100, 90), 10.0, dtype=kind, requires_grad=True)
    y = ours(x, (2, 3))
    assert torch.equal(y, theirs(x.detach(), (2, 3)))
    y.sum().backward()
    torch.testing.assert_close(x.grad.double(), torch.full_like(x, 1 / 9000, dtype=torch.float64), rtol=0.01, atol=0)


def test_the_gradient_of_a_mean_fills_no_map():
    y = torch.randn(2, 3, 4, 5, requires_grad=True).clone(memory_format=torch.channels_last)
    seen = []
    y.register_hook(seen.append)
    pools.mean(y, (2, 3)).sum().backward()
    assert seen[0].stride()[2:] == (0, 0)


def test_the_maximum_keeps_a_hole_of_not_a_number():
    x = torch.tensor([[[1.0, torch.nan]]], requires_grad=True)
    y = pools.maximum(x, (2,))
    y.sum().backward()
    assert y.isnan().all()
    assert x.grad.isnan().all()


@pytest.mark.parametrize("channels", [1, 16, 31, 32])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_maximum_of_narrow_maps(channels, layout):
    x = torch.randn(3, channels, 5, 4).to(memory_format=layout)
    assert torch.equal(pools.maximum(x, (2, 3)), x.amax((2, 3)))
    x[1, 0, 2, 2] = torch.nan
    torch.testing.assert_close(pools.maximum(x, (2, 3)), x.amax((2, 3)), equal_nan=True)
