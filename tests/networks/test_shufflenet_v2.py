from dataclasses import replace

import pytest
import torch
import torchvision
from test_parity import difference
from torch import nn
from twins import ReferenceSE, counted, on_meta, parameters, twins

from senet.accounting import cost
from senet.attention import SK, SelectiveKernel
from senet.errors import UsageError
from senet.networks.shufflenet_v2 import ROWS

SIZES = ["x0_5", "x1_0"]
HALVES = {"x0_5": (24, 48, 96), "x1_0": (58, 116, 232)}
DEPTHS = (4, 8, 4)


def units(model):
    return [unit for stage in (model.stage2, model.stage3, model.stage4) for unit in stage]


def se(model):
    for unit in units(model):
        channels = unit.branch2[5].out_channels
        unit.branch2 = nn.Sequential(unit.branch2, ReferenceSE(channels, channels // 4))
    return model


def sk(model):
    for unit in units(model):
        conv = unit.branch2[3]
        kernel = SelectiveKernel(conv.in_channels, conv.in_channels, stride=conv.stride[0], groups=conv.groups)
        unit.branch2 = nn.Sequential(unit.branch2[:3], kernel, unit.branch2[5:])
    return model


def plain(model):
    return model


def their(size, change):
    return lambda: change(getattr(torchvision.models, f"shufflenet_v2_{size}")())


def over_units(size, added):
    return sum(depth * added(channels) for depth, channels in zip(DEPTHS, HALVES[size], strict=True))


@pytest.mark.parametrize("pixels", [97, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 224))])
@pytest.mark.parametrize("size", ["x0_5", pytest.param("x1_0", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("prefix", "change"), [("", plain), ("se_", se), ("sk_", sk)])
def test_logits_equal_torchvisions(prefix, change, size, pixels):
    assert difference(*twins(ROWS[f"{prefix}shufflenet_v2_{size}"], their(size, change)), pixels) < 1e-12


@pytest.mark.parametrize(("size", "exact"), [("x0_5", (1_366_792, 40_476_448)), ("x1_0", (2_278_604, 144_907_992))])
def test_plain_counts(size, exact):
    found = counted(ROWS[f"shufflenet_v2_{size}"])
    assert (found.parameters, found.multiply_adds) == exact
    with torch.device("meta"):
        theirs = cost(their(size, plain)())
    assert (theirs.parameters, theirs.multiply_adds) == exact


@pytest.mark.parametrize("size", SIZES)
def test_what_se_and_sk_add(size):
    before = parameters(ROWS[f"shufflenet_v2_{size}"])
    gates = over_units(size, lambda c: 2 * c * (c // 4) + c + c // 4)
    assert parameters(ROWS[f"se_shufflenet_v2_{size}"]) - before == gates
    # A second depthwise branch with its norm, and a fuse step of d = 32 with its norm.
    kernels = over_units(size, lambda c: 9 * c + 2 * c + c * 32 + 2 * 32 + 32 * 2 * c)
    assert parameters(ROWS[f"sk_shufflenet_v2_{size}"]) - before == kernels


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(UsageError, match="32 groups"):
        on_meta(replace(ROWS["shufflenet_v2_x1_0"], attention=SK()))
