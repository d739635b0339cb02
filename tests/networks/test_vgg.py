from dataclasses import replace

import pytest
import torch
import torchvision
from test_parity import difference, randomise
from torch import nn
from twins import ReferenceSE, counted, on_meta, parameters, twins

from senet.attention import SE, SK, SelectiveKernel, SqueezeExcite
from senet.errors import UsageError
from senet.networks.vgg import ROWS, vgg_head

CONVOLUTIONS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def se_vgg16_bn():
    model = torchvision.models.vgg16_bn()
    layers = []
    for layer in model.features:
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            channels = layer.out_channels
        if isinstance(layer, nn.ReLU):
            layers.append(ReferenceSE(channels, channels // 16))
    model.features = nn.Sequential(*layers)
    return model


PAIRS = {"vgg16_bn": torchvision.models.vgg16_bn, "se_vgg16_bn": se_vgg16_bn}


# The classifier's 124 M weights take long to draw.
@pytest.mark.parametrize("name", PAIRS)
def test_the_last_map_equals_torchvisions(name):
    with torch.device("meta"):
        theirs = PAIRS[name]().features[:-1]
    ours, state = on_meta(ROWS[name]), randomise(theirs).state_dict().values()
    ours.head = nn.Identity()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)), assign=True)
    x = torch.randn(1, 3, 49, 33, dtype=torch.float64)
    with torch.no_grad():
        expected, found = theirs(x), ours.eval()(x)
    assert expected.shape == (1, 512, 3, 2)
    assert (found - expected).abs().max() < 1e-12 * expected.abs().max()


def test_the_head_pools_any_map_to_7_by_7():
    head, x = vgg_head(2, 5, 0.5).eval(), torch.randn(3, 2, 11, 34)
    pooled = x[..., :10, :].unflatten(3, (17, 2)).unflatten(2, (5, 2)).amax((3, 5))  # (3, 2, 5, 17)
    rows, columns = ([(n * i // 7, -(-n * (i + 1) // 7)) for i in range(7)] for n in (5, 17))
    cells = [pooled[..., top:bottom, left:right].mean((2, 3)) for top, bottom in rows for left, right in columns]
    flat = torch.stack(cells, dim=2).flatten(1)
    with torch.no_grad():
        torch.testing.assert_close(head(x), head.fc(head.fc2(head.fc1(flat).relu()).relu()))


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 97, 224])
@pytest.mark.parametrize("name", PAIRS)
def test_logits_equal_torchvisions(name, size):
    assert difference(*twins(ROWS[name], PAIRS[name]), size) < 1e-12


# 138.37 M is mmpretrain's count; 15.47 and 15.48 G are table 2 of arXiv 1709.01507v4.
def test_counts():
    plain, se = counted(ROWS["vgg16_bn"]), counted(ROWS["se_vgg16_bn"])
    assert (plain.parameters, plain.multiply_adds) == (138_365_992, 15_470_264_320)
    assert f"{plain.parameters / 1e6:.2f} {plain.multiply_adds / 1e9:.2f}" == "138.37 15.47"
    assert se.multiply_adds - plain.multiply_adds == 226_304
    biases = sum(channels + channels // 16 for channels in CONVOLUTIONS)
    assert se.parameters - plain.parameters == 226_304 + biases
    # The print of the SE form includes an operation for each element of the weighed maps.
    sides = [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3
    elements = sum(channels * side**2 for channels, side in zip(CONVOLUTIONS, sides, strict=True))
    assert f"{(se.multiply_adds + elements) / 1e9:.2f}" == "15.48"


def test_without_biases_in_the_gates_the_weights_alone_are_added():
    assert parameters(replace(ROWS["vgg16_bn"], attention=SE.paper())) - parameters(ROWS["vgg16_bn"]) == 226_304


def test_gates_follow_every_convolution():
    model = on_meta(ROWS["se_vgg16_bn"])
    gates = [name for name, module in model.named_modules() if isinstance(module, SqueezeExcite)]
    assert len(gates) == 13
    assert gates[:3] == ["stem.conv1.attention", "stem.conv2.attention", "stage2.conv1.attention"]


def test_a_convolution_spec_replaces_all_but_the_first():
    model = on_meta(replace(ROWS["vgg16_bn"], attention=SK()))
    blocks = [name for name, module in model.named_modules() if isinstance(module, SelectiveKernel)]
    assert len(blocks) == 12
    assert "stem.conv1" not in blocks


def test_a_spec_that_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="reduction=128"):
        on_meta(replace(ROWS["vgg16_bn"], attention=SE(128)))
