from dataclasses import replace

import pytest
import timm
from test_parity import AuthorsCBAM, difference
from torch import nn
from twins import ReferenceSE, counted, twins

from senet.attention import CBAM, SE
from senet.networks.mobilenet import ROWS, GatePlacement, after_pointwise
from senet.networks.network import no_gate


# timm's has ReLU6, as TensorFlow's code; the paper writes ReLU. Nothing else differs.
def mobilenet():
    return timm.create_model("mobilenetv1_100", act_layer="relu")


def se_mobilenet():
    model = mobilenet()
    for stage in model.blocks:
        for i, unit in enumerate(stage):
            channels = unit.conv_pw.out_channels
            stage[i] = nn.Sequential(unit, ReferenceSE(channels, channels // 16))
    return model


def cbam_mobilenet():
    model = mobilenet()
    model.bn1 = nn.Sequential(model.bn1, AuthorsCBAM(32))
    for stage in model.blocks:
        for i, unit in enumerate(stage):
            unit.bn1 = nn.Sequential(unit.bn1, AuthorsCBAM(unit.conv_dw.out_channels))
            stage[i] = nn.Sequential(unit, AuthorsCBAM(unit.conv_pw.out_channels))
    return model


PAIRS = {"mobilenet_v1": mobilenet, "se_mobilenet_v1": se_mobilenet, "cbam_mobilenet_v1": cbam_mobilenet}


@pytest.mark.parametrize("size", [97, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 224))])
@pytest.mark.parametrize("name", PAIRS)
def test_logits_equal_timms(name, size):
    assert difference(*twins(ROWS[name], PAIRS[name]), size) < 1e-12


def test_relu6_would_show():
    ours, theirs = twins(ROWS["mobilenet_v1"], lambda: timm.create_model("mobilenetv1_100"))
    assert difference(ours, theirs, 64) > 1e-3


# Hu et al. arXiv 1709.01507v4, table 3.
def test_the_prints_of_senet():
    plain, se = counted(ROWS["mobilenet_v1"]), counted(ROWS["se_mobilenet_v1"])
    weights = counted(replace(ROWS["mobilenet_v1"], attention=SE.paper()))
    assert (plain.parameters, plain.multiply_adds) == (4_231_976, 568_740_352)
    assert weights.parameters - plain.parameters == 479_744 == se.multiply_adds - plain.multiply_adds
    assert [f"{c.parameters / 1e6:.1f}" for c in (plain, weights, se)] == ["4.2", "4.7", "4.7"]
    # 572 with one operation per element of the weighed maps: 64 x 112 x 112, 128 x 56 x 56 twice, ...
    elements = sum(
        c * side**2 * n for c, side, n in [(64, 112, 1), (128, 56, 2), (256, 28, 2), (512, 14, 6), (1024, 7, 2)]
    )
    assert (round(plain.multiply_adds / 1e6), round((se.multiply_adds + elements) / 1e6)) == (569, 572)


def after_each_but_the_stem(gate):
    return GatePlacement(stem=no_gate, depthwise=gate, pointwise=gate)


# Woo et al. arXiv 1807.06521, table 5: both costs, of SE and of CBAM.
@pytest.mark.parametrize(("attention", "printed"), [(SE(), "5.07 M 0.570 G"), (CBAM(), "5.07 M 0.576 G")], ids=repr)
def test_the_prints_of_cbam_decide_the_place(attention, printed):
    def prints(place):
        found = counted(replace(ROWS["cbam_mobilenet_v1"], attention=attention, place=place))
        return f"{found.parameters / 1e6:.2f} M {found.multiply_adds / 1e9:.3f} G"

    assert prints(ROWS["cbam_mobilenet_v1"].place) == printed
    assert prints(after_pointwise) != printed
    if attention == CBAM():
        assert prints(after_each_but_the_stem) == "5.07 M 0.575 G"
