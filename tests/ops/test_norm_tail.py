# The end of a unit from sums, against the operators that it stands for.

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from senet.ops import norm_tail
from senet.ops.norm_tail import norm_scale_add_relu, takes
from senet.ops.passes import passes

FORMATS = (torch.contiguous_format, torch.channels_last)
sizes = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


class Excite(nn.Module):
    """Any function of the mean, (B, C) -> (B, C)."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, z):
        return self.fc(z).sigmoid()


def formula(v, norm, excite, shortcut):
    y = norm(v)
    return F.relu(y * excite(y.mean((2, 3)))[:, :, None, None] + shortcut)


def made(shape, layout=torch.contiguous_format, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    v, shortcut = torch.randn(2, *shape, dtype=dtype)
    norm = nn.BatchNorm2d(shape[1]).to(dtype).train()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    v, shortcut = (3 * t.to(memory_format=layout) + 2 for t in (v, shortcut))
    return v.requires_grad_(), norm, Excite(shape[1]).to(dtype), shortcut.requires_grad_()


def gradients(run, v, norm, excite, shortcut):
    result = run(v, norm, excite, shortcut)
    weights = torch.linspace(-1, 1, result.numel(), dtype=result.dtype).reshape(result.shape)
    return result, torch.autograd.grad(result, [v, shortcut, *norm.parameters(), *excite.parameters()], weights)


@settings(deadline=None, max_examples=60)
@given(sizes, st.sampled_from(FORMATS), st.integers(0, 9))
def test_equals_the_operators(shape, layout, seed):
    v, norm, excite, shortcut = made(shape, layout, seed=seed)
    if v.numel() == v.shape[1]:
        assert not takes(norm, v)  # the norm itself refuses
        return
    twin = copy.deepcopy(norm)
    result, found = gradients(norm_scale_add_relu, v, norm, excite, shortcut)
    expected, wanted = gradients(formula, v, twin, excite, shortcut)
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(norm.state_dict(), twin.state_dict(), rtol=1e-12, atol=1e-12)


def test_of_strided_maps():
    v, norm, excite, _ = made((3, 4, 6, 5))
    wide = torch.randn(3, 8, 5, 6, dtype=torch.float64)
    v, shortcut = v.detach()[:, :, ::2], wide.transpose(2, 3)[:, ::2, ::2]
    tensors = [t.detach().requires_grad_() for t in (v, shortcut)]
    found = gradients(norm_scale_add_relu, tensors[0], norm, excite, tensors[1])
    wanted = gradients(formula, tensors[0], norm, excite, tensors[1])
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("layout", FORMATS)
def test_gradients_of_large_maps_are_summed_image_by_image(layout):
    v, norm, excite, shortcut = made((2, 40, 50, 50), layout)
    found = gradients(norm_scale_add_relu, v, norm, excite, shortcut)
    torch.testing.assert_close(found, gradients(formula, v, norm, excite, shortcut), rtol=1e-7, atol=1e-8)


def test_first_and_second_derivatives():
    v, norm, excite, shortcut = made((2, 3, 2, 2))
    parameters = [*norm.parameters(), *excite.parameters()]

    def of(v, shortcut, *_):
        return norm_scale_add_relu(v, norm, excite, shortcut)

    assert torch.autograd.gradcheck(of, (v, shortcut, *parameters), check_batched_grad=True)
    assert torch.autograd.gradgradcheck(of, (v, shortcut, *parameters))


def test_a_graph_that_was_differentiated_twice_is_differentiated_once_more():
    v, norm, excite, shortcut = made((2, 3, 4, 4))
    result = norm_scale_add_relu(v, norm, excite, shortcut).square().sum()
    plain = torch.autograd.grad(result, v, retain_graph=True)
    twice = torch.autograd.grad(result, v, create_graph=True)
    again = torch.autograd.grad(result, v)
    torch.testing.assert_close([plain, again], [twice, twice])


@pytest.mark.parametrize("again", [False, True])
def test_a_step_leaves_nothing_behind(again, monkeypatch):
    links = weakref.WeakSet()

    class Seen(norm_tail.Link):
        def __init__(self):
            links.add(self)

    monkeypatch.setattr(norm_tail, "Link", Seen)
    v, norm, excite, shortcut = made((2, 3, 4, 4))
    gc.collect()
    gc.disable()  # which could not see through the graph anyway
    try:
        result = norm_scale_add_relu(v, norm, excite, shortcut).square().sum()
        (slope,) = torch.autograd.grad(result, v, create_graph=again)
        assert len(links) == 1
        del result, slope
        assert not links
    finally:
        gc.enable()


def test_gradient_penalty():
    """The loss is a function of the result and of its gradient: both functions run as they are and once more."""
    v, norm, excite, shortcut = made((2, 3, 4, 4))
    inputs = [v, shortcut, *norm.parameters(), *excite.parameters()]

    def of(run):
        result = run(v, norm, excite, shortcut).square().sum()
        slopes = torch.autograd.grad(result, inputs, create_graph=True)
        return torch.autograd.grad(result + sum(slope.square().sum() for slope in slopes), inputs)

    torch.testing.assert_close(of(norm_scale_add_relu), of(formula), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("wanted", range(4))
def test_gradients_of_some_of_the_inputs(wanted):
    v, norm, excite, shortcut = made((2, 3, 4, 4))
    chosen = (v, shortcut, norm.weight, excite.fc.weight)[wanted]
    found = torch.autograd.grad(norm_scale_add_relu(v, norm, excite, shortcut).square().sum(), chosen)
    expected = torch.autograd.grad(formula(v, norm, excite, shortcut).square().sum(), chosen)
    torch.testing.assert_close(found, expected)


def test_what_needs_no_gradient_gets_none():
    v, norm, excite, shortcut = made((2, 3, 4, 4))
    norm.requires_grad_(False)
    norm_scale_add_relu(v.detach(), norm, excite, shortcut.detach()).square().sum().backward()
    assert norm.weight.grad is None
    assert excite.fc.weight.grad is not None


def test_float32_is_as_near_to_float64_as_the_operators_are():
    v, norm, excite, shortcut = made((8, 16, 14, 14), torch.channels_last)
    exact = [*gradients(formula, v, norm, excite, shortcut)[1]]
    single = made((8, 16, 14, 14), torch.channels_last, torch.float32)
    with torch.no_grad():
        for target, value in zip((single[0], single[3]), (v, shortcut), strict=True):
            target.copy_(value)
        single[1].load_state_dict(norm.state_dict())
        single[2].load_state_dict(excite.state_dict())

    def error(run):
        found = gradients(run, *single)[1]
        return max(((a - b).norm() / b.norm()).item() for a, b in zip(found, exact, strict=True))

    assert error(norm_scale_add_relu) < 3 * error(formula) + 1e-6


def test_keeps_what_a_unit_without_attention_keeps():
    def kept(run):
        v, norm, excite, shortcut = made((4, 32, 16, 16), torch.channels_last, torch.float32)
        held = {}

        def pack(value):
            held[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            result = run(v, norm, excite, shortcut)
        return sum(held.values()) / (result.numel() * result.element_size())

    plain = kept(lambda v, norm, excite, shortcut: norm(v).add_(shortcut).relu_())
    assert kept(norm_scale_add_relu) < plain + 0.05
    assert kept(formula) > plain + 0.9


def test_takes_a_norm_that_trains_alone():
    v = torch.randn(2, 3, 4, 4)
    norm = nn.BatchNorm2d(3)
    assert takes(norm, v)
    assert not takes(copy.deepcopy(norm).eval(), v)
    assert not takes(nn.BatchNorm2d(3, affine=False), v)
    assert not takes(nn.BatchNorm2d(3, track_running_stats=False), v)
    assert not takes(nn.BatchNorm2d(3, momentum=None), v)
    assert not takes(nn.SyncBatchNorm(3), v)
    assert not takes(nn.GroupNorm(3, 3), v)
    assert not takes(norm, v.bfloat16())
    norm.register_forward_hook(lambda *_: None)
    assert not takes(norm, v)


# On the CPU the tests above hold the same function to the formula; this one is about the kernels that CUDA gets.
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda():
    v, norm, excite, shortcut = made((4, 8, 7, 7), torch.channels_last)
    on = [
        t.detach().cuda().requires_grad_() if isinstance(t, torch.Tensor) else copy.deepcopy(t).cuda()
        for t in (v, norm, excite, shortcut)
    ]
    found = gradients(norm_scale_add_relu, *on)
    wanted = gradients(formula, v, norm, excite, shortcut)
    for a, b in zip((found[0], *found[1]), (wanted[0], *wanted[1]), strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-7, atol=1e-8)
    assert passes(on[0]) is not None
