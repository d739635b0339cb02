# Equations 1 to 3 of CBAM in loops, and the arithmetic of github.com/Jongchan/attention-module (MODELS/cbam.py).

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pairs import all_pairs
from senet.attention import CBAM, ChannelGate, ConvBlockAttention, SpatialGate
from senet.attention.cbam import ChannelPool, channel_first

POOLS = {"avg": [lambda v: sum(v) / len(v)], "max": [max], "both": [lambda v: sum(v) / len(v), max]}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def linear(z, fc):
    rows = zip(fc.weight.tolist(), fc.bias.tolist(), strict=True)
    return [sum(w * v for w, v in zip(row, z, strict=True)) + bias for row, bias in rows]


def channel_loops(x, gate, pools):
    """Equation 2."""
    m = torch.empty(*x.shape[:2], 1, 1, dtype=x.dtype)
    for b in range(len(x)):
        logits = [0.0] * x.shape[1]
        for pool in pools:
            z = [pool(x[b, c].flatten().tolist()) for c in range(x.shape[1])]
            hidden = [max(h, 0.0) for h in linear(z, gate.fc1)]
            logits = [one + other for one, other in zip(logits, linear(hidden, gate.fc2), strict=True)]
        m[b, :, 0, 0] = torch.tensor([sigmoid(logit) for logit in logits], dtype=x.dtype)
    return m


def spatial_loops(x, gate, spec):
    """Equation 3, the maximum before the mean, and the authors' batch norm."""
    (weight,) = gate.conv.weight.tolist()
    if spec.spatial == "conv":
        compressed = torch.einsum("bchw,c->bhw", x, gate.compress.weight[0, :, 0, 0])[:, None].tolist()
    else:
        compressed = torch.stack([x.max(dim=1).values, x.sum(1) / x.shape[1]], 1).tolist()
    height, width, half = *x.shape[2:], spec.kernel_size // 2
    mean, var, scale, shift = (t.item() for t in (gate.bn.running_mean, gate.bn.running_var, *gate.bn.parameters()))
    m = torch.empty(len(x), 1, height, width, dtype=x.dtype)
    for b, i, j in itertools.product(range(len(x)), range(height), range(width)):
        y = 0.0
        for d, p, q in itertools.product(range(len(weight)), range(height), range(width)):
            if abs(p - i) <= half and abs(q - j) <= half:
                y += weight[d][p - i + half][q - j + half] * compressed[b][d][p][q]
        m[b, 0, i, j] = sigmoid((y - mean) / math.sqrt(var + 1e-5) * scale + shift)
    return m


CHOICES = (["channel-spatial", "spatial-channel", "parallel"], [*POOLS], ["pool", "conv"], [3, 7])


@pytest.mark.parametrize(("order", "channel", "spatial", "kernel_size"), all_pairs(*CHOICES))
@torch.no_grad()
def test_equals_the_equations(shake, order, channel, spatial, kernel_size):
    spec = CBAM(reduction=2, order=order, channel=channel, spatial=spatial, kernel_size=kernel_size)
    block, x = shake(spec(4)), torch.randn(2, 4, 4, 5, dtype=torch.float64)

    def channel_gate(u):
        return channel_loops(u, block.channel, POOLS[channel])

    def spatial_gate(u):
        return spatial_loops(u, block.spatial, spec)

    if order == "channel-spatial":
        refined = channel_gate(x) * x
        expected = spatial_gate(refined) * refined
    elif order == "spatial-channel":
        refined = spatial_gate(x) * x
        expected = channel_gate(refined) * refined
    else:
        expected = channel_gate(x) * spatial_gate(x) * x
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channel", POOLS)
def test_channel_gate_alone_equals_the_equation(shake, channel):
    block, x = shake(CBAM(reduction=2, channel=channel, spatial="none")(4)), torch.randn(2, 4, 3, 5).double()
    assert isinstance(block, ChannelGate)
    torch.testing.assert_close(block(x), channel_loops(x, block, POOLS[channel]) * x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
def test_equals_the_authors_arithmetic(shake, train):
    block, x = shake(CBAM()(32)).train(train), torch.randn(2, 32, 9, 8, dtype=torch.float64)
    mlp = nn.Sequential(block.channel.fc1, nn.ReLU(), block.channel.fc2)
    bn = block.spatial.bn
    mean, var = bn.running_mean.clone(), bn.running_var.clone()
    scale = (mlp(F.avg_pool2d(x, (9, 8)).flatten(1)) + mlp(F.max_pool2d(x, (9, 8)).flatten(1))).sigmoid()
    refined = x * scale[:, :, None, None]
    compressed = torch.cat([refined.max(1)[0].unsqueeze(1), refined.mean(1).unsqueeze(1)], dim=1)
    logits = F.conv2d(compressed, block.spatial.conv.weight, padding=3)
    logits = F.batch_norm(logits, mean, var, bn.weight, bn.bias, train, momentum=0.01, eps=1e-5)
    torch.testing.assert_close(block(x), refined * logits.sigmoid(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close((bn.running_mean, bn.running_var), (mean, var), rtol=1e-12, atol=1e-12)


def test_the_spatial_gate_starts_at_one_half():
    x = torch.randn(2, 32, 5, 5)
    assert torch.equal(CBAM()(32).spatial.weights(x), torch.full((2, 1, 5, 5), 0.5))


@pytest.mark.parametrize(("spatial", "extra"), [("pool", 2 * 49 + 2), ("conv", 64 + 49 + 2), ("none", 0)])
def test_parameters_in_closed_form(spatial, extra):
    count = sum(p.numel() for p in CBAM(reduction=16, spatial=spatial)(64).parameters())
    assert count == 2 * 64 * 4 + 4 + 64 + extra


def test_blocks_take_any_two_gates():
    block = ConvBlockAttention(ChannelGate(8, 2), SpatialGate(8, ChannelPool(), 2, 3), channel_first)
    assert block(torch.randn(2, 8, 4, 4)).shape == (2, 8, 4, 4)
