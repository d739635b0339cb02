# The CIFAR networks against a forward pass written out from He et al. 2015, section 4.2: 3x3 convolutions in three
# stages of 16, 32 and 64 channels, identity shortcuts that subsample and append zeros (option A).

import pytest
import torch
import torch.nn.functional as F

from senet.networks import create


class Weights:
    def __init__(self, state):
        self.state = state

    def conv_bn(self, x, name, stride=1):
        weight, (running_mean, running_var, scale, shift) = self.state[f"{name}.conv.weight"], self.norm(f"{name}.bn")
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return F.batch_norm(y, running_mean, running_var, scale, shift, eps=1e-5)

    def norm(self, name):
        return [self.state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]

    def linear(self, x, name):
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def gate(self, y, name):
        if f"{name}.fc1.weight" not in self.state:
            return 1.0
        hidden = self.linear(y.mean((2, 3)), f"{name}.fc1").clamp(min=0)
        return self.linear(hidden, f"{name}.fc2").sigmoid()[:, :, None, None]


def option_a(x, weights, name, channels, stride):
    x = x[:, :, ::stride, ::stride]
    zeros = torch.zeros(len(x), channels - x.shape[1], *x.shape[2:], dtype=x.dtype)
    return torch.cat([x, zeros], dim=1)


def option_b(x, weights, name, channels, stride):
    return weights.conv_bn(x, f"{name}.shortcut", stride)


def basic(x, weights, name, stride):
    return weights.conv_bn(weights.conv_bn(x, f"{name}.conv1", stride).relu(), f"{name}.conv2")


def bottleneck(x, weights, name, stride):
    x = weights.conv_bn(x, f"{name}.conv1").relu()
    return weights.conv_bn(weights.conv_bn(x, f"{name}.conv2", stride).relu(), f"{name}.conv3")


def forward(x, weights, depth, widths, branch, shortcut):
    x = weights.conv_bn(x, "stem.conv1").relu()
    for stage, channels in enumerate(widths):
        for unit in range(depth):
            stride, name = 2 if stage > 0 and unit == 0 else 1, f"stage{stage + 2}.{unit}"
            y = branch(x, weights, f"{name}.branch", stride)
            changes = stride > 1 or x.shape[1] != channels
            kept = shortcut(x, weights, name, channels, stride) if changes else x
            x = (y * weights.gate(y, f"{name}.attention") + kept).relu()
    return weights.linear(x.mean((2, 3)), "head.fc")


HE = {"widths": (16, 32, 64), "branch": basic, "shortcut": option_a}
OURS = {"widths": (64, 128, 256), "branch": bottleneck, "shortcut": option_b}
ROWS = [
    ("resnet8", 1, HE),
    ("se_resnet20", 3, HE),
    ("resnet56", 9, HE),
    ("resnet11b", 1, OURS),
    ("se_resnet11b", 1, OURS),
]


@pytest.mark.parametrize(("name", "depth", "parts"), ROWS, ids=[name for name, _, _ in ROWS])
@pytest.mark.parametrize("size", [32, 27])
@torch.no_grad()
def test_logits_equal_the_written_out_forward_pass(name, depth, parts, size):
    model = create(name).double().eval()
    for key, value in model.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif ".bn." in key and value.is_floating_point():
            value.copy_(0.5 * torch.rand_like(value))
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected = forward(x, Weights(model.state_dict()), depth, **parts)
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12 * expected.abs().max().item())
