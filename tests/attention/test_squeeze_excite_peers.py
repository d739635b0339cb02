# SqueezeExcite against the modules that people have weights of, and the layouts of those weights.

import copy
import pickle

import pytest
import timm
import torch
import torchvision
from timm.layers import SEModule
from torch import nn
from torchvision.ops import SqueezeExcitation

from senet.attention import SE, SqueezeExcite


def test_equals_torchvision(shake):
    theirs = shake(SqueezeExcitation(72, 24, scale_activation=nn.Hardsigmoid))
    ours = SE.mobilenet_v3()(72).double()
    ours.load_state_dict(theirs.state_dict())
    u = torch.randn(2, 72, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(u), theirs(u), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels", [8, 64, 72, 256])
def test_equals_timm(shake, channels):
    theirs, ours = shake(SEModule(channels)), SE.timm()(channels).double()
    ours.load_state_dict(theirs.state_dict())
    u = torch.randn(2, channels, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(u), theirs(u), rtol=1e-12, atol=1e-12)


def test_presets_disagree_about_72_channels_as_their_sources_do():
    presets = SE.paper, SE.caffe, SE.timm, SE.torchvision, SE.mobilenet_v3
    assert [preset(reduction=4)(72).fc1.out_features for preset in presets] == [18, 18, 16, 24, 24]
    assert SEModule(72, rd_ratio=1 / 4).fc1.out_channels == 16
    mobilenet = torchvision.models.mobilenet_v3_large(weights=None)
    assert mobilenet.features[4].block[2].fc1.weight.shape == (24, 72, 1, 1)


def test_presets_disagree_about_biases_and_gates_as_their_sources_do():
    assert SE.paper()(32).fc1.bias is None
    assert SE.paper()(32).fc2.bias is None
    assert SE.caffe()(32).fc1.bias is not None
    assert isinstance(SE.torchvision()(32).gate, nn.Sigmoid)
    mobilenet = torchvision.models.mobilenet_v3_large(weights=None)
    assert type(SE.mobilenet_v3()(72).gate) is type(mobilenet.features[4].block[2].scale_activation)


@pytest.mark.parametrize("reduction", [2, 4, 8, 16, 32])
def test_widths_follow_torchvision_and_timm(reduction):
    for channels in range(1, 2049):
        theirs = torchvision.models._utils._make_divisible(channels // reduction, 8)
        assert SE.torchvision(reduction).hidden(channels) == theirs, channels
        theirs = timm.layers.make_divisible(channels / reduction, 8, round_limit=0.0)
        assert SE.timm(reduction).hidden(channels) == theirs, channels


STATES = {
    "linear": lambda name, value: (name, value),
    "1x1 convolutions": lambda name, value: (name, value[:, :, None, None] if value.ndim == 2 else value),
    "1x1x1 convolutions": lambda name, value: (name, value[..., None, None, None] if value.ndim == 2 else value),
    "fc.0 and fc.2": lambda name, value: (name.replace("fc1", "fc.0").replace("fc2", "fc.2"), value),
    "excitation.0 and excitation.2": lambda name, value: (
        name.replace("fc1", "excitation.0").replace("fc2", "excitation.2"),
        value[:, :, None, None] if value.ndim == 2 else value,
    ),
}
COPIES = {
    "as built": lambda block: block,
    "deepcopy": copy.deepcopy,
    "pickle": lambda block: pickle.loads(pickle.dumps(block)),
}


@pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("written", STATES.values(), ids=STATES)
@pytest.mark.parametrize("prefix", ["", "stage.0."])
def test_loads_every_layout(written, made, prefix):
    source, target = SE(reduction=2)(8), made(SE(reduction=2)(8))
    state = {f"{prefix}{name}": value for name, value in (written(*item) for item in source.state_dict().items())}
    root = nn.ModuleDict({"stage": nn.Sequential(target)}) if prefix else target
    root.load_state_dict(state)
    assert all(torch.equal(value, target.state_dict()[name]) for name, value in source.state_dict().items())


def test_loading_leaves_the_callers_state_dict_alone():
    state = {"fc.0.weight": torch.randn(4, 8), "fc.2.weight": torch.randn(8, 4)}
    SE.paper(reduction=2)(8).load_state_dict(state)
    assert list(state) == ["fc.0.weight", "fc.2.weight"]


def test_kept_weights_are_linear():
    block = SE(reduction=2)(8)
    block.load_state_dict({k: v[:, :, None, None] if v.ndim == 2 else v for k, v in block.state_dict().items()})
    assert block.state_dict()["fc1.weight"].shape == (4, 8)


@pytest.mark.parametrize(
    "state",
    [
        {"fc.1.weight": torch.zeros(4, 8), "fc.2.weight": torch.zeros(8, 4)},
        {"fc.0.weight": torch.zeros(4, 8, 3, 3), "fc.2.weight": torch.zeros(8, 4, 1, 1)},
        {"fc.0.weight": torch.zeros(2, 8), "fc.2.weight": torch.zeros(8, 2)},
        {"fc.0.weight": torch.zeros(4, 8)},
    ],
    ids=["another name", "3x3 convolution", "another width", "a layer missing"],
)
def test_weights_that_do_not_fit_are_refused(state):
    with pytest.raises(RuntimeError, match="Error"):
        SqueezeExcite(8, 4, bias=False).load_state_dict(state)
