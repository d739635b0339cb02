# Equations 1 to 6 of Selective Kernel Networks in loops, and timm's SelectiveKernel with copied weights.

import itertools
import math

import pytest
import timm
import torch

from senet.attention import SK, from_dict, parse, to_dict
from senet.errors import UsageError


def convolve(x, conv, i, j):
    """One output position of a grouped, dilated, strided convolution of x (C, H, W)."""
    size, dilation, stride = conv.kernel_size[0], conv.dilation[0], conv.stride[0]
    per_group, filters = x.shape[0] // conv.groups, conv.out_channels // conv.groups
    result = []
    for c, weight in enumerate(conv.weight.tolist()):
        y = 0.0 if conv.bias is None else conv.bias[c].item()
        for d, p, q in itertools.product(range(per_group), range(size), range(size)):
            row, column = i * stride + (p - size // 2) * dilation, j * stride + (q - size // 2) * dilation
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                y += weight[d][p][q] * x[c // filters * per_group + d, row, column].item()
        result.append(y)
    return torch.tensor(result, dtype=x.dtype)


def normed(y, bn):
    return (y - bn.running_mean) / torch.sqrt(bn.running_var + 1e-5) * bn.weight + bn.bias


def affine(layer, z):
    bias = 0.0 if layer.bias is None else layer.bias
    return torch.stack([sum(w * v for w, v in zip(row, z, strict=True)) for row in layer.weight]) + bias


def loops(x, block, spec, stride):
    """x (C, H, W) -> V (C, H/stride, W/stride)."""
    height, width = (math.ceil(size / stride) for size in x.shape[1:])
    u = []
    for branch in block.branches:
        at = [normed(convolve(x, branch.conv, i, j), branch.bn) for i in range(height) for j in range(width)]
        u.append(torch.stack(at, dim=1).clamp(min=0))  # (C, positions)
    s = sum(u).sum(1) / (height * width)
    z = affine(block.fc1, s)
    z = normed(z, block.bn1) if spec.norm else z
    z = z.clamp(min=0) if spec.activation == "relu" else z
    e = [row.exp() for row in affine(block.fc2, z).split(len(s))]
    return sum(e_m / sum(e) * u_m.T for e_m, u_m in zip(e, u, strict=True)).T.view(-1, height, width)


SPECS = [
    SK(groups=2, reduction=2, minimum=1),
    SK(groups=1, reduction=1, minimum=1, branches=1),
    SK(groups=4, minimum=3, branches=3),
    SK(groups=2, minimum=3, branches=4, norm=False),
    SK(groups=1, minimum=3, kernels=(1, 3, 5), bias=True, norm=False, activation="none"),
    SK(groups=2, minimum=3, dilations=(1, 3)),
    SK(groups=2, minimum=3, kernels=(3, 5), dilations=(1, 2)),
]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("spec", SPECS, ids=repr)
@torch.no_grad()
def test_equals_the_equations(shake, spec, stride):
    block, x = shake(spec(4, 8, stride=stride)), torch.randn(2, 4, 5, 4, dtype=torch.float64)
    expected = torch.stack([loops(image, block, spec, stride) for image in x])
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-12)


# split_input and rd_divisor as in timm's skresnext50_32x4d.
@pytest.mark.parametrize("keep_3x3", [True, False], ids=["dilated", "true kernels"])
@pytest.mark.parametrize("kernels", [(3, 5), (3, 5, 7)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
def test_equals_timm(shake, kernels, keep_3x3, stride, train):
    options = {"stride": stride, "groups": 4, "rd_divisor": 32, "split_input": False, "keep_3x3": keep_3x3}
    theirs = shake(timm.layers.SelectiveKernel(16, 64, list(kernels), **options)).train(train)
    spec = SK(branches=len(kernels), groups=4) if keep_3x3 else SK(kernels=kernels, groups=4)
    ours = spec(16, 64, stride=stride).double().train(train)
    names = {"paths.": "branches.", "attn.fc_reduce.": "fc1.", "attn.bn.": "bn1.", "attn.fc_select.": "fc2."}
    state = theirs.state_dict()
    for their_name, our_name in names.items():
        state = {key.replace(their_name, our_name): value for key, value in state.items()}
    ours.load_state_dict({key: v.flatten(1) if key in ("fc1.weight", "fc2.weight") else v for key, v in state.items()})
    x = torch.randn(2, 16, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("branches", [1, 2, 3, 4])
def test_weights_sum_to_one_over_the_branches(shake, branches):
    block = shake(SK(branches=branches, groups=2)(8, 16))
    a = block.weights(torch.randn(3, 8, 5, 5, dtype=torch.float64))
    assert a.shape == (3, branches, 16, 1, 1)
    assert (a >= 0).all()
    torch.testing.assert_close(a.sum(1), torch.ones(3, 16, 1, 1, dtype=torch.float64), rtol=1e-14, atol=0)


def test_gate_starts_almost_even():
    a = SK(groups=1)(16, 16).eval().weights(torch.randn(2, 16, 5, 5))
    torch.testing.assert_close(a, torch.full_like(a, 0.5), rtol=0, atol=0.01)


@pytest.mark.parametrize(("channels", "hidden"), [(64, 32), (512, 32), (1024, 64)])
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_in_closed_form(channels, hidden, bias):
    block = SK(branches=3, groups=16, bias=bias)(channels, channels)
    convolutions = 3 * (9 * channels**2 // 16 + 2 * channels)
    gate = channels * hidden + 2 * hidden + hidden * 3 * channels
    biases = (3 * channels + hidden + 3 * channels) if bias else 0
    assert sum(p.numel() for p in block.parameters()) == convolutions + gate + biases


def test_dilated_branches_reach_as_far_as_true_kernels_at_the_cost_of_3x3():
    dilated, true = SK(branches=3, groups=1)(4, 4), SK(kernels=(3, 5, 7), groups=1)(4, 4)
    x = torch.randn(1, 4, 9, 9, requires_grad=True)
    for cheap, dear in zip(dilated.branches, true.branches, strict=True):
        seen = []
        for conv in (cheap.conv, dear.conv):
            (gradient,) = torch.autograd.grad(conv(x)[0, 0, 4, 4], x)
            touched = gradient.abs().sum((0, 1)).nonzero()
            seen.append((touched.min().item(), touched.max().item()))
        assert seen[0] == seen[1]
        assert cheap.conv.kernel_size == (3, 3)


def test_depthwise_is_one_group_for_each_channel():
    spec = SK(groups="depthwise")
    for channels in (6, 58):
        block, explicit = spec(channels, channels, stride=2), SK(groups=channels)(channels, channels, stride=2)
        assert [branch.conv.groups for branch in block.branches] == [channels, channels]
        assert {k: v.shape for k, v in block.state_dict().items()} == {
            k: v.shape for k, v in explicit.state_dict().items()
        }
    assert from_dict(to_dict(spec)) == parse(repr(spec)) == spec


@pytest.mark.parametrize("groups", ["Depthwise", "", 0, True, None])
def test_other_groups_are_refused(groups):
    with pytest.raises(UsageError, match=f"groups={groups!r}"):
        SK(groups=groups)


def test_without_a_selection_the_branches_are_summed_as_slow_loops_sum_them(shake):
    """The plain sums of table 7."""
    spec = SK(groups=2, selection="none")
    block, x = shake(spec(4, 6, stride=2)), torch.randn(2, 4, 5, 7, dtype=torch.float64)
    expected = torch.zeros(2, 6, 3, 4, dtype=torch.float64)
    for branch in block.branches:
        expected += branch.relu(branch.bn(branch.conv(x)))
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-12)
    selective = SK(groups=2)(4, 6, stride=2)
    assert {name for name, _ in block.named_parameters()} == {
        name for name, _ in selective.named_parameters() if name.startswith("branches.")
    }


def test_each_branch_may_have_groups_of_its_own():
    """Table 6 holds the cost of larger kernels with more groups."""
    block = SK(kernels=(3, 5), groups=(1, 2))(4, 8, stride=1)
    assert [branch.conv.groups for branch in block.branches] == [1, 2]
    with pytest.raises(UsageError, match="one positive number for each of 2 branches"):
        SK(groups=(1, 2, 4))
    with pytest.raises(UsageError, match="divide into 3 groups"):
        SK(groups=(1, 3))(4, 8, stride=1)
