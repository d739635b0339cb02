from dataclasses import replace

import pytest
import torch
import torchvision
from test_parity import difference
from torch import nn
from twins import counted, on_meta, parameters, twins

from senet.attention import CBAM, SE, SK, SelectiveKernel, SqueezeExcite
from senet.networks.published.mobilenet_v3 import ROWS

LARGE, SMALL = ROWS["mobilenet_v3_large"], ROWS["mobilenet_v3_small"]
CONV_BN = SE(reduction=4, norm=True, bias=False, gate="hard_sigmoid", width="make_divisible")

# Hidden units of SE, or None, by row: tables 1 and 2 with make_divisible(expanded / 4, 8).
HIDDEN = {
    "mobilenet_v3_large": [None, None, None, 24, 32, 32, None, None, None, None, 120, 168, 168, 240, 240],
    "mobilenet_v3_small": [8, None, None, 24, 64, 64, 32, 40, 72, 144, 144],
}


def branches(spec):
    model = on_meta(spec)
    return [unit.branch for stage in model.stages for unit in model.get_submodule(stage.name)]


@pytest.mark.parametrize("size", [97, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 224))])
@pytest.mark.parametrize("name", ROWS)
def test_logits_equal_torchvisions(name, size):
    assert difference(*twins(ROWS[name], getattr(torchvision.models, name)), size) < 1e-12


@pytest.mark.parametrize(
    ("spec", "exact"),
    [
        (LARGE, (5_483_032, 216_589_760)),
        (SMALL, (2_542_856, 56_510_400)),
        (replace(SMALL, hidden=1280), (2_946_568, 56_913_856)),  # the first arXiv version
        (replace(LARGE, attention=None), (3_970_752, 215_082_560)),
        (replace(SMALL, attention=None), (2_081_216, 56_051_648)),
    ],
    ids=["large", "small", "small of the first version", "large without SE", "small without SE"],
)
def test_exact_counts(spec, exact):
    found = counted(spec)
    assert (found.parameters, found.multiply_adds) == exact


@pytest.mark.parametrize("name", ROWS)
def test_se_stands_on_the_ticked_rows_with_the_rounded_width(name):
    gates = [getattr(branch, "attention", None) for branch in branches(ROWS[name])]
    assert [gate and gate.fc1.out_features for gate in gates] == HIDDEN[name]
    assert all(isinstance(gate.gate, nn.Hardsigmoid) for gate in gates if gate)


@pytest.mark.parametrize("name", ROWS)
def test_norms_have_the_authors_epsilon_and_momentum(name):
    norms = [m for m in on_meta(ROWS[name]).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


# Without biases and with two norms: 2 x hidden + 2 x channels instead of hidden + channels.
@pytest.mark.parametrize("spec", [LARGE, SMALL], ids=["large", "small"])
def test_the_variant_with_norms_builds_and_runs(spec):
    gates = [gate for branch in branches(spec) for gate in branch if isinstance(gate, SqueezeExcite)]
    more = sum(gate.channels + gate.fc1.out_features for gate in gates)
    assert parameters(replace(spec, attention=CONV_BN)) - parameters(spec) == more
    logits = replace(spec, attention=CONV_BN).build(7, 1)(torch.randn(2, 1, 48, 33))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", ROWS)
def test_other_specs_fill_the_same_slots(name):
    ticked = [hidden is not None for hidden in HIDDEN[name]]
    gated = branches(replace(ROWS[name], attention=CBAM(8)))
    assert [hasattr(branch, "attention") for branch in gated] == ticked
    selective = branches(replace(ROWS[name], attention=SK(groups="depthwise")))
    assert all(isinstance(branch.depthwise, SelectiveKernel) for branch in selective)
    assert not any(hasattr(branch, "attention") for branch in selective)


@pytest.mark.parametrize(
    ("name", "strides"), [("mobilenet_v3_large", [2, 4, 8, 16, 32]), ("mobilenet_v3_small", [4, 8, 16, 32])]
)
def test_stages_are_resolutions(name, strides):
    assert [stage.stride for stage in on_meta(ROWS[name]).stages] == strides
