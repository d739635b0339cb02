# What holds for every row of VGG, the MobileNets and the ShuffleNets, with any attention in its slots.

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from twins import on_meta

from catalogue_of_blocks import OWN, SMALL
from senet.attention import SK, ChannelGate, SqueezeExcite
from senet.networks import initialise, mobilenet, shufflenet, shufflenet_v2, vgg
from senet.networks.published import mobilenet_v3

FAMILIES = (vgg, mobilenet, mobilenet_v3, shufflenet, shufflenet_v2)
ROWS = {name: spec for family in FAMILIES for name, spec in family.ROWS.items()}
LIGHT = [name for name in ROWS if "vgg" not in name]
ONE_EACH = [
    "vgg16_bn",
    "mobilenet_v1",
    "cbam_mobilenet_v1",
    "mobilenet_v3_small",
    "shufflenet_v1_g3",
    "shufflenet_v2_x1_0",
]
SPECS = (None, *SMALL, OWN, SK(groups="depthwise", reduction=4, minimum=8))


@pytest.mark.parametrize("name", ROWS)
def test_any_classes_and_channels(name):
    assert on_meta(ROWS[name], 7, 1)(torch.empty(2, 1, 64, 64, device="meta")).shape == (2, 7)
    assert on_meta(ROWS[name]).head.fc.out_features == 1000


@pytest.mark.parametrize("name", ROWS)
def test_features_are_as_the_stages_say(name):
    model = on_meta(ROWS[name]).eval()
    maps = model.features(torch.empty(1, 3, 97, 64, device="meta"))
    assert list(maps) == [stage.name for stage in model.stages] == [f"stage{i + 2}" for i in range(len(maps))]
    for stage in model.stages:
        # VGG's unpadded pools round down, all others up.
        edges = [edge // stage.stride if "vgg" in name else -(-edge // stage.stride) for edge in (97, 64)]
        assert maps[stage.name].shape == (1, stage.channels, *edges)


def steps(name, attention, rate):
    model = initialise(replace(ROWS[name], attention=attention).build(4, 3))
    for block in model.modules():
        if isinstance(block, SqueezeExcite | ChannelGate):
            nn.init.ones_(block.fc1.bias)  # of two hidden units both may start dead
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(2):  # CBAM's zero scale keeps gradients from its convolution in the first step
        F.cross_entropy(model(torch.randn(4, 3, 48, 33)), torch.arange(4)).backward()
        optimizer.step()
    assert all(value.isfinite().all() for value in model.state_dict().values())
    return {key for key, value in model.named_parameters() if torch.equal(value, before[key])}


@pytest.mark.parametrize("name", LIGHT)
def test_training_moves_every_parameter(name):
    assert not steps(name, ROWS[name].attention, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16_bn", "se_vgg16_bn"])
def test_training_moves_every_parameter_of_vgg(name):
    # A bias before a norm has no gradient but rounding.
    assert all(key.endswith("conv.bias") for key in steps(name, ROWS[name].attention, 1e-3))


@pytest.mark.parametrize(
    "name", ["cbam_mobilenet_v1", "mobilenet_v3_small", "se_shufflenet_v1_g3", "sk_shufflenet_v2_x0_5"]
)
@torch.no_grad()
def test_batch_of_one_at_odd_sizes_in_any_layout_and_autocast(name):
    model, x = initialise(ROWS[name].build(10, 3)).eval(), torch.randn(1, 3, 33, 35)
    expected = model(x)
    last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    with torch.autocast("cpu", torch.bfloat16):
        assert (model(x).float() - expected).abs().max() < 0.2 * expected.abs().max()


@torch.no_grad()
def test_a_light_network_is_one_graph():  # every network in the slow tier: test_every_network.py
    torch._dynamo.reset()
    model = initialise(ROWS["mobilenet_v3_small"].build(10, 3)).double().eval()
    x = torch.randn(2, 3, 33, 32, dtype=torch.float64)
    found = torch.compile(model, backend="eager", fullgraph=True)(x)
    torch.testing.assert_close(found, model(x), rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["se_mobilenet_v1", "mobilenet_v3_small", "se_shufflenet_v1_g3", "sk_shufflenet_v2_x0_5"]
)
def test_exports_for_any_batch(name):
    model = initialise(ROWS[name].build(10, 3)).eval()
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(model, (torch.randn(2, 3, 64, 64),), dynamic_shapes=(batch,))
    x = torch.randn(5, 3, 64, 64)
    torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ROWS)
def test_dropout_stands_where_the_papers_have_it(name):
    rates = [m.p for m in on_meta(ROWS[name]).modules() if isinstance(m, nn.Dropout) and m.p]
    assert rates == ([0.5, 0.5] if "vgg" in name else [0.2] if "v3" in name else [])
