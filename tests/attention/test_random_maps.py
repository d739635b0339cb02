# Blocks on maps of random shapes, strides and memory formats: what they compute, what they overwrite, how they round.

import copy

import plain_blocks as plain
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from senet.attention import CBAM, ECA, GC, SE, SK, Effect

CHANNELS = 8
BLOCKS = [
    (SE(reduction=4), plain.se),
    (SE(reduction=4, squeeze="max"), plain.se_max),
    (SE(reduction=4, squeeze="none"), plain.no_squeeze),
    (ECA(kernel_size=5), plain.eca),
    (CBAM(reduction=4), plain.cbam),
    (CBAM(reduction=4, order="spatial-channel"), plain.cbam_spatial_first),
    (CBAM(reduction=4, order="parallel"), plain.cbam_parallel),
    (CBAM(reduction=4, spatial="none"), plain.channel),
    (GC(reduction=2), plain.gc),
    (SK(groups=2, branches=3, minimum=3), plain.sk),
    (SK(groups=2, branches=3, selection="none"), plain.summed),
]
each_block = pytest.mark.parametrize(("spec", "formula"), BLOCKS, ids=[repr(spec) for spec, _ in BLOCKS])
LAYOUTS = ("plain", "channels last", "strided", "transposed", "expanded")


def build(spec):
    """A block with random weights and statistics, in float64."""
    torch.manual_seed(1)
    block = (spec(CHANNELS) if spec.slot == "gate" else spec(CHANNELS, CHANNELS)).double().eval()
    for name, tensor in block.state_dict().items():
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5) if "var" in name else nn.init.normal_(tensor)
    return block


def image(batch, height, width, layout):
    """A map with other strides than its shape says."""
    x = torch.randn(batch, CHANNELS, height, width, dtype=torch.float64)
    if layout == "expanded":
        return x[:, :, :, :1].expand_as(x)
    if layout == "transposed":
        return x.transpose(2, 3).contiguous().transpose(2, 3)
    if layout == "strided":
        return torch.stack([x, x], -1)[..., 1]
    return x.contiguous(memory_format=torch.channels_last if layout == "channels last" else torch.contiguous_format)


maps = st.builds(image, *[st.integers(1, 5)] * 3, st.sampled_from(LAYOUTS))


def output(block, formula, x):
    """What a formula of the weights, the term, or all of it makes of x."""
    found = formula(block, x)
    return {Effect.MULTIPLIES: lambda: x * found, Effect.ADDS: lambda: x + found}.get(block.effect, lambda: found)()


def gradients(y, x, block):
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
    found = torch.autograd.grad((y * weights).sum(), [x, *block.parameters()], allow_unused=True)
    return [g for g in found if g is not None]


@each_block
@settings(deadline=None, max_examples=25)
@given(x=maps)
def test_values_and_gradients_are_those_of_the_formula(spec, formula, x):
    block, kept = build(spec), x.clone()
    expected = output(block, formula, x)
    with torch.no_grad():
        torch.testing.assert_close(block(x), expected, rtol=1e-11, atol=1e-11)
    assert torch.equal(x, kept)
    learning = x.detach().requires_grad_()
    y = block(learning)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-11)
    theirs = gradients(output(block, formula, learning), learning, block)
    torch.testing.assert_close(gradients(y, learning, block), theirs, rtol=1e-9, atol=1e-9)


@each_block
def test_under_autocast_it_rounds_no_worse_than_the_formula(spec, formula):
    torch.manual_seed(2)
    block, x = build(spec), image(4, 9, 7, "plain")
    with torch.no_grad():
        expected = output(block, formula, x)
        block, x = block.float(), x.float()
        with torch.autocast("cpu", torch.bfloat16):
            errors = [(y.double() - expected).square().mean() for y in (block(x), output(block, formula, x))]
    assert errors[0] <= 1.5 * errors[1] + 1e-12


@each_block
@pytest.mark.parametrize("learns", [False, True], ids=["inference", "training"])
def test_nothing_that_a_hook_has_seen_is_overwritten(spec, formula, learns):
    block, x, seen = build(spec), image(2, 5, 4, "plain"), []

    def keep(module, inputs, result):
        seen.extend((tensor, tensor.clone()) for tensor in (*inputs, result) if isinstance(tensor, torch.Tensor))

    expected = output(copy.deepcopy(block), formula, x)
    for name, module in block.named_modules():
        if not isinstance(module, nn.BatchNorm2d) or "branches" not in name:  # there nn.ReLU itself works in place
            module.register_forward_hook(keep)
    with torch.set_grad_enabled(learns):
        torch.testing.assert_close(block(x), expected, rtol=1e-11, atol=1e-11)
    assert len(seen) > 4
    inside = [(tensor, copied) for tensor, copied in seen if tensor.shape != (2, CHANNELS, 5, 4) or spec.slot == "gate"]
    assert all(torch.equal(tensor, copied) for tensor, copied in inside)


@pytest.mark.parametrize("selection", ["softmax", "none"])
def test_a_branch_that_a_hook_listens_to_keeps_its_map(selection):
    block, x, seen = build(SK(groups=2, branches=3, minimum=3, selection=selection)), image(2, 5, 4, "plain"), []
    for branch in block.branches:
        branch.register_forward_hook(lambda module, args, result: seen.append((result, result.clone())))
    with torch.no_grad():
        block(x)
    assert len(seen) == 3
    assert all(torch.equal(tensor, copied) for tensor, copied in seen)
