from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_parity import difference, randomise
from torch import nn
from twins import counted, on_meta, parameters, settle

from senet.attention import SE, SK, SelectiveKernel
from senet.networks.shufflenet import ROWS, Shuffle

# Channels of each unit's branch: at stride 2 the pooled input takes the place of the rest.
BRANCHES = [240 - 24, *[240] * 3, 480 - 240, *[480] * 7, 960 - 480, *[960] * 3]


class Slow(nn.Module):
    """Zhang et al., table 1 and figure 2, layer by layer over the tensors of our state dict in their order."""

    def __init__(self, model, se):
        super().__init__()
        self.state, self.se = [v for v in model.state_dict().values() if v.is_floating_point()], se

    def take(self, n):
        taken, self.left = self.left[:n], self.left[n:]
        return taken

    def conv_bn(self, x, stride=1, groups=1):
        weight, scale, shift, mean, var = self.take(5)
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
        scale = scale / (var + 1e-5).sqrt()
        return y * scale[:, None, None] + (shift - mean * scale)[:, None, None]

    def unit(self, x, stride, groups1):
        y = self.conv_bn(x, groups=groups1).relu()
        n = y.shape[1] // 3
        y = torch.stack([y[:, (j % 3) * n + j // 3] for j in range(3 * n)], dim=1)
        y = self.conv_bn(y, stride, groups=y.shape[1])
        y = self.conv_bn(y, groups=3)
        if self.se:
            w1, b1, w2, b2 = self.take(4)
            y = y * (((y.mean((2, 3)) @ w1.T + b1).relu() @ w2.T + b2).sigmoid())[:, :, None, None]
        if stride == 1:
            return (x + y).relu()
        return torch.cat([F.avg_pool2d(x, 3, 2, padding=1), y], dim=1).relu()

    def forward(self, x):
        self.left = self.state
        x = F.max_pool2d(self.conv_bn(x, 2).relu(), 3, 2, padding=1)
        for stage, depth in enumerate([4, 8, 4]):
            for i in range(depth):
                x = self.unit(x, stride=1 if i else 2, groups1=3 if stage or i else 1)
        weight, bias = self.take(2)
        assert not self.left
        return x.mean((2, 3)) @ weight.T + bias


@pytest.mark.parametrize("size", [97, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 224))])
@pytest.mark.parametrize("name", ROWS)
def test_logits_equal_a_slow_evaluation(name, size):
    model = settle(randomise(on_meta(ROWS[name])))
    assert difference(model, Slow(model, se=name.startswith("se_")), size) < 1e-12


def test_shuffle_deals_the_groups_out():
    x = torch.arange(6.0)[None, :, None, None]
    assert Shuffle(3)(x).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert Shuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


# 1,865,728 is also what github.com/osmr/imgclsmob counts. The paper prints 1.8 and 2.4 M: cut off, not rounded.
def test_counts():
    plain, se = counted(ROWS["shufflenet_v1_g3"]), counted(ROWS["se_shufflenet_v1_g3"])
    weights = sum(2 * channels * (channels // 16) for channels in BRANCHES)
    # 2 C^2 / 16 makes 610,632; the first unit's 216 channels have 13 hidden units, not 13.5.
    assert sum(2 * channels**2 // 16 for channels in BRANCHES) - weights == 216
    assert (plain.parameters, plain.multiply_adds) == (1_865_728, 137_460_672)
    assert se.multiply_adds - plain.multiply_adds == weights == 610_416
    assert se.parameters - plain.parameters == weights + sum(c + c // 16 for c in BRANCHES)
    assert f"{plain.parameters / 1e6:.2f} {se.parameters / 1e6:.2f}" == "1.87 2.48"


def test_a_convolution_spec_replaces_the_depthwise():
    model = on_meta(replace(ROWS["shufflenet_v1_g3"], attention=SK(groups="depthwise")))
    units = [unit for stage in model.stages for unit in model.get_submodule(stage.name)]
    assert all(isinstance(unit.branch.depthwise, SelectiveKernel) for unit in units)
    assert all(
        conv.conv.groups == u.branch.depthwise.in_channels for u in units for conv in u.branch.depthwise.branches
    )


def test_se_without_biases_adds_the_weights_alone():
    spec = ROWS["shufflenet_v1_g3"]
    assert parameters(replace(spec, attention=SE.paper())) - parameters(spec) == 610_416
