from dataclasses import replace
from functools import cache

import pytest
import timm
import torch
import torchvision

from senet.accounting import Cost, Work, attention_weights, cost
from senet.attention import CBAM, SE
from senet.networks import NETWORKS

STAGES50 = ((3, 256), (4, 512), (6, 1024), (3, 2048))
STAGES101 = ((3, 256), (4, 512), (23, 1024), (3, 2048))
STAGES152 = ((3, 256), (8, 512), (36, 1024), (3, 2048))


@cache
def counted(name: str, attention: object = "published", geometry: str | None = None) -> Cost:
    row = NETWORKS[name]
    row = row if attention == "published" else replace(row, attention=attention)
    with torch.device("meta"):
        return cost((replace(row, geometry=geometry) if geometry else row).build(1000, 3))


# Hu et al.'s and Li et al.'s released Caffe files; the torch geometry is what torchvision prints.
@pytest.mark.parametrize(
    ("name", "geometry", "parameters", "multiply_adds"),
    [
        ("resnet50", None, 25_557_032, 3_857_973_248),
        ("resnet50", "torch", 25_557_032, 4_089_184_256),
        ("resnet101", None, 44_549_160, 7_570_194_432),
        ("resnet152", None, 60_192_808, 11_282_415_616),
        ("resnext50_32x4d", None, 25_028_904, 4_230_479_872),
        ("resnext101_32x4d", None, 44_177_704, 7_969_996_800),
        ("se_resnet50", None, 28_088_024, 3_860_488_192),
        ("se_resnet101", None, 49_326_872, 7_574_937_600),
        ("se_resnet152", None, 66_821_848, 11_288_993_792),
        ("se_resnext50_32x4d", None, 27_559_896, 4_232_994_816),
        ("se_resnext101_32x4d", None, 48_955_416, 7_974_739_968),
        ("senet154", None, 115_088_984, 20_688_363_520),
        ("sknet50", None, 27_479_784, 4_462_710_784),
    ],
)
def test_published_networks(name, geometry, parameters, multiply_adds):
    found = counted(name, geometry=geometry)
    assert (found.parameters, found.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize(
    ("depth", "printed"), [(50, 3.864), (101, 7.581)]
)  # Woo et al., table 4: the authors' geometry
def test_cbam_in_the_papers_geometry(depth, printed):
    assert round(counted(f"cbam_resnet{depth}", geometry="caffe").multiply_adds / 1e9, 3) == printed


def test_no_squeeze():
    """Hu et al., table 16: 4.27 G."""
    assert counted("resnet50", SE(squeeze="none", bias=False)).multiply_adds == 4_269_015_040


@pytest.mark.parametrize(
    ("name", "elements"), [("se_resnet50", 5_519_360), ("se_resnet101", 8_931_328), ("senet154", 13_146_112)]
)
def test_squeeze_and_scale_are_one_operation_per_element(name, elements):
    def blocks(found):
        return sum(m.own.elementwise for m in found.modules if m.kind == "SqueezeExcite")

    scale = blocks(counted(name, SE(squeeze="none")))
    assert scale == elements
    assert blocks(counted(name)) - scale == elements  # the average


@pytest.mark.parametrize(
    ("name", "stages", "reduction"),
    [
        ("se_resnet50", STAGES50, 2),
        ("se_resnet50", STAGES50, 16),
        ("se_resnet50", STAGES50, 24),
        ("se_resnet101", STAGES101, 16),
        ("se_resnet152", STAGES152, 16),
        ("senet154", STAGES152, 16),
    ],
)
def test_closed_form(name, stages, reduction):
    share = counted(name, SE(reduction=reduction, bias=False)).attention
    assert share.parameters == share.multiply_adds == attention_weights(reduction, stages)


def test_closed_form_of_the_table():
    """Hu et al., release: weights of the SE blocks."""
    assert attention_weights(16, STAGES50) == 2_514_944
    assert attention_weights(16, STAGES101) == 4_743_168
    assert attention_weights(16, STAGES152) == 6_578_176


@pytest.mark.parametrize("attention", [SE(), SE(squeeze="none"), SE(norm=True), CBAM(), CBAM(order="parallel")])
def test_share_of_a_gate_is_the_difference_to_the_plain_network(attention):
    found, plain = counted("resnext50_32x4d", attention), counted("resnext50_32x4d", None)
    assert found.attention == found.total - plain.total
    assert plain.attention == Work()


def test_share_of_selective_kernels_is_fuse_and_select():
    units = [(n, c // 2, max(c // 32, 32)) for n, c in STAGES50]  # (N, C, d)
    found = counted("sknet50")
    share, plain = found.attention, counted("sknet50", None)
    assert share.multiply_adds == sum(n * (c * d + d * 2 * c) for n, c, d in units)
    assert share.parameters == share.multiply_adds + sum(n * 2 * d for n, c, d in units)
    branch = sum(m.own.multiply_adds for m in found.modules if ".branches.1." in m.name)
    assert found.multiply_adds == plain.multiply_adds + branch + share.multiply_adds


def test_torchvision():
    found = cost(torchvision.models.resnet50())
    assert (found.parameters, found.multiply_adds) == (25_557_032, 4_089_184_256)
    assert found.elementwise == counted("resnet50", geometry="torch").elementwise


def test_timm():
    found = cost(timm.create_model("skresnext50_32x4d"))
    assert (found.parameters, found.multiply_adds) == (27_479_784, 4_462_710_784)
    assert found.elementwise == counted("sknet50").elementwise


@pytest.mark.parametrize("name", ["se_resnet11b", "cbam_resnet18", "sknet26", "senet154"])
def test_every_operator_is_booked_once(name):
    found = counted(name)
    parts = sum((m.own for m in found.modules), Work())
    assert parts == found.total == found.under("")
    assert parts == found.under("stem") + sum((found.under(f"stage{s}") for s in range(2, 6)), found.under("head"))
    assert found.under("", attention=True) == found.attention
    assert found.under("stage") == Work()
