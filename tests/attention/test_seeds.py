# Modules that tutorials on SENet, MobileNetV3 and SKNet print, rewritten with their names of layers, so that their
# weights load as they are.

from collections import OrderedDict

import pytest
import torch
from torch import nn

from senet.attention import SE, SK


class HSigmoid(nn.Module):
    def forward(self, x):
        return nn.functional.relu6(x + 3) / 6


class LinearGate(nn.Module):
    """SELayer without biases and with a sigmoid, SELayer2 with biases and h-sigmoid, Paddle's SELayer1 between."""

    def __init__(self, channels, hidden, bias, gate):
        super().__init__()
        layers = nn.Linear(channels, hidden, bias), nn.ReLU(), nn.Linear(hidden, channels, bias), gate
        self.fc = nn.Sequential(*layers)

    def forward(self, x):
        batch, channels = x.shape[:2]
        return x * self.fc(x.mean((2, 3))).view(batch, channels, 1, 1)


class SeModule(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            HSigmoid(),
        )

    def forward(self, x):
        return x * self.se(x)


class UnsqueezedGate(nn.Module):
    """Paddle's SELayer2 squeezes x to y and then, as printed, excites x."""

    def __init__(self, channels, hidden):
        super().__init__()
        layers = nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        self.excitation = nn.Sequential(*layers)

    def forward(self, x):
        return x * self.excitation(x)


class SKAttention(nn.Module):
    def __init__(self, channels, kernels, hidden):
        super().__init__()
        convs = [nn.Conv2d(channels, channels, k, padding=k // 2) for k in kernels]
        layers = [{"conv": conv, "bn": nn.BatchNorm2d(channels), "relu": nn.ReLU()} for conv in convs]
        self.convs = nn.ModuleList(nn.Sequential(OrderedDict(branch)) for branch in layers)
        self.fc = nn.Linear(channels, hidden)
        self.fcs = nn.ModuleList(nn.Linear(hidden, channels) for _ in kernels)

    def forward(self, x):
        maps = torch.stack([conv(x) for conv in self.convs])
        z = self.fc(maps.sum(0).mean((2, 3)))
        weights = torch.stack([fc(z) for fc in self.fcs]).softmax(0)
        return (weights[..., None, None] * maps).sum(0)


GATES = {
    "SELayer": (SE.paper(reduction=4), LinearGate(32, 8, bias=False, gate=nn.Sigmoid())),
    "SELayer2": (SE(reduction=4, gate="hard_sigmoid"), LinearGate(32, 8, bias=True, gate=HSigmoid())),
    "SeModule": (SE(reduction=4, gate="hard_sigmoid", bias=False, norm=True), SeModule(32, 8)),
    "Paddle's SELayer1": (SE(reduction=4), LinearGate(32, 8, bias=True, gate=nn.Sigmoid())),
    "Paddle's SELayer2": (SE(reduction=4, squeeze="none"), UnsqueezedGate(32, 8)),
}


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("spec", "printed"), GATES.values(), ids=GATES)
def test_printed_gate_loads_and_is_equal(shake, spec, printed, train):
    theirs, ours = shake(printed).train(train), spec(32).double().train(train)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 32, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, other.view_as(mine), rtol=1e-12, atol=1e-12)


def test_no_squeeze_is_another_function_of_the_same_weights(shake):
    printed, squeezed = shake(UnsqueezedGate(32, 8)), SE(reduction=4)(32).double()
    squeezed.load_state_dict(printed.state_dict())
    x = torch.randn(3, 32, 5, 4, dtype=torch.float64)
    assert (squeezed(x) - printed(x)).abs().max() > 1e-2


def as_ours(state):
    """SKAttention has one linear layer a branch where we have one for all."""
    ours = {key.replace("convs.", "branches."): value for key, value in state.items() if key.startswith("convs.")}
    for kind in ("weight", "bias"):
        ours[f"fc1.{kind}"] = state[f"fc.{kind}"]
        ours[f"fc2.{kind}"] = torch.cat([state[f"fcs.{m}.{kind}"] for m in range(4)])
    return ours


# L = 32 wins over 16 / 16 and 64 / 16; 80 / 2 over L.
@pytest.mark.parametrize(("channels", "reduction", "hidden"), [(16, 16, 32), (64, 16, 32), (80, 2, 40)])
def test_printed_sk_attention_is_equal(shake, channels, reduction, hidden):
    theirs = shake(SKAttention(channels, (1, 3, 5, 7), hidden))
    spec = SK(kernels=(1, 3, 5, 7), groups=1, reduction=reduction, norm=False, activation="none", bias=True)
    ours = spec(channels, channels).double().eval()
    ours.load_state_dict(as_ours(theirs.state_dict()))
    x = torch.randn(2, channels, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
