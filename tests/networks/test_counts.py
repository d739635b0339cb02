from functools import cache

import pytest
import torch

from senet.attention import CBAM, SE, SK
from senet.networks import PUBLISHED, create
from senet.networks.published.resnet import ROWS

# At 1,000 classes. Counted from the authors' files (github.com/hujie-frank/SENet and implus/SKNet), torchvision's
# models, the papers' formulas; SKNet-101 is by the formula d = max(C/16, 32), its released file differs.
EXACT = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "resnext101_32x4d": 44_177_704,
    "se_resnet50": 28_088_024,
    "se_resnet101": 49_326_872,
    "se_resnet152": 66_821_848,
    "se_resnext50_32x4d": 27_559_896,
    "se_resnext101_32x4d": 48_955_416,
    "senet154": 115_088_984,
    "sknet26": 16_746_408,
    "sknet50": 27_479_784,
    "sknet101": 48_736_040,
    "cbam_resnet50": 28_089_624,
}

# Units of each stage and the channels of their output.
BASIC, BOTTLENECK, CIFAR = (64, 128, 256, 512), (256, 512, 1024, 2048), (16, 32, 64)
UNITS = {
    "resnet18": ((2, 2, 2, 2), BASIC),
    "resnet34": ((3, 4, 6, 3), BASIC),
    "resnet50": ((3, 4, 6, 3), BOTTLENECK),
    "resnet101": ((3, 4, 23, 3), BOTTLENECK),
    "resnet152": ((3, 8, 36, 3), BOTTLENECK),
    "resnext50_32x4d": ((3, 4, 6, 3), BOTTLENECK),
    "resnext101_32x4d": ((3, 4, 23, 3), BOTTLENECK),
    "senet154": ((3, 8, 36, 3), BOTTLENECK),
    "resnet11b": ((1, 1, 1), (64, 128, 256)),
    **{f"resnet{6 * n + 2}": ((n, n, n), CIFAR) for n in (1, 3, 5, 7, 9, 18)},
}


@cache
def parameters(name, attention=PUBLISHED):
    with torch.device("meta"):
        return sum(p.numel() for p in create(name, attention=attention).parameters())


def over_units(name, added):
    return sum(depth * added(channels) for depth, channels in zip(*UNITS[name], strict=True))


@pytest.mark.parametrize("name", EXACT)
def test_exact_count_as_published(name):
    assert parameters(name) == EXACT[name]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("se_resnet50", 25_557_032),
        ("sknet50", 25_028_904),
        ("cbam_resnet50", 25_557_032),
        ("senet154", 108_459_944),
        ("se_resnet20", 269_722),
    ],
)
def test_without_attention_is_the_plain_network(name, plain):
    assert parameters(name, attention=None) == plain


def test_se_resnet50_without_gate_biases():
    assert parameters("se_resnet50", SE.paper()) == 28_071_976


every_depth = pytest.mark.parametrize(
    "name", [name if sum(UNITS[name][0]) < 20 else pytest.param(name, marks=pytest.mark.slow) for name in UNITS]
)


@every_depth
@pytest.mark.parametrize("reduction", [4, 16])
def test_se_adds_the_closed_form(name, reduction):
    weights = over_units(name, lambda channels: channels**2) * 2 // reduction
    assert parameters(name, SE.paper(reduction)) - parameters(name, None) == weights
    biases = over_units(name, lambda channels: channels + channels // reduction)
    assert parameters(name, SE(reduction)) - parameters(name, None) == weights + biases


@every_depth
def test_cbam_adds_an_mlp_a_convolution_and_a_norm(name):
    def added(channels):
        hidden = channels // 16
        return 2 * channels * hidden + hidden + channels + 2 * 7**2 + 2

    assert parameters(name, CBAM()) - parameters(name, None) == over_units(name, added)


@pytest.mark.parametrize("branches", [1, 2, 3])
def test_sk_replaces_each_3x3_by_branches_and_a_gate(branches):
    def added(channels):
        width, hidden = channels // 2, max(channels // 2 // 16, 32)
        convolutions = (branches - 1) * (9 * width * width // 32 + 2 * width)
        return convolutions + width * hidden + 2 * hidden + hidden * branches * width

    plain = parameters("resnext50_32x4d")
    assert parameters("resnext50_32x4d", SK(branches=branches)) == plain + over_units("resnext50_32x4d", added)


# He et al. 2015, table 6, and section 4.2: 0.27 M to 1.7 M; the shortcuts have no parameters.
@pytest.mark.parametrize(("n", "printed"), [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85), (18, 1.7)])
def test_cifar_resnets_have_6n_plus_2_layers(n, printed):
    def conv_bn(in_channels, out_channels):
        return 9 * in_channels * out_channels + 2 * out_channels

    count = conv_bn(3, 16) + 64 * 10 + 10
    for before, channels in [(16, 16), (16, 32), (32, 64)]:
        count += conv_bn(before, channels) + (2 * n - 1) * conv_bn(channels, channels)
    assert parameters(f"resnet{6 * n + 2}") == count
    assert round(count / 1e6, 2 if printed < 1 else 1) == printed


def test_resnet11b_is_three_bottlenecks():
    def bottleneck(before, width, channels):
        convolutions = before * width + 9 * width**2 + width * channels + before * channels
        return convolutions + 2 * (2 * width + 2 * channels)

    units = bottleneck(16, 32, 64) + bottleneck(64, 64, 128) + bottleneck(128, 128, 256)
    assert parameters("resnet11b") == 9 * 3 * 16 + 2 * 16 + units + 256 * 10 + 10


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if sum(spec.depths) > 20 else [])
        for name, spec in ROWS.items()
        if name.startswith("se_")
    ],
)
def test_se_form_is_the_plain_network_with_se(name):
    attention = ROWS[name].attention
    assert attention == SE(reduction=8 if ROWS[name].num_classes == 10 else 16)
    assert parameters(name) == parameters(name.removeprefix("se_"), attention)
    assert parameters(name, None) == parameters(name.removeprefix("se_"))
