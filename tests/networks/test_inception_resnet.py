from dataclasses import replace

import pytest
import timm
import torch
import torch.nn.functional as F
from test_parity import difference, randomise
from timm.models.inception_resnet_v2 import Block8, Block17, Block35, Mixed_5b, Mixed_6a, Mixed_7a
from torch import nn
from twins import ReferenceSE, on_meta, parameters

from catalogue_of_blocks import OWN, SMALL_GATES, each
from senet.attention import SE, SK, SqueezeExcite
from senet.errors import UsageError
from senet.networks.inception import Inception
from senet.networks.inception_resnet import ResidualInception
from senet.networks.published.inception_resnet import ROWS

PLAIN, WITH_SE = ROWS["inception_resnet_v2"], ROWS["se_inception_resnet_v2"]
SHALLOW = replace(PLAIN, stages=tuple(replace(stage, depth=1) for stage in PLAIN.stages))
BLOCKS = Block35 | Block17 | Block8
MODULES = Mixed_5b | Mixed_6a | Mixed_7a
WIDTHS = {Mixed_5b: 320, Mixed_6a: 1088, Mixed_7a: 2080}


def timm_plain():
    return timm.create_model("inception_resnet_v2")


def timm_with_se():
    """SE after each residual branch of timm's blocks and after its three modules without a shortcut."""
    model = timm_plain()
    for module in list(model.modules()):
        if isinstance(module, BLOCKS | MODULES):
            channels = WIDTHS.get(type(module)) or module.conv2d.out_channels
            module.se = ReferenceSE(channels, channels // 16)
            weighed = module.conv2d if isinstance(module, BLOCKS) else module
            weighed.register_forward_hook(lambda _, args, y, se=module.se: se(y))
    return model


def pair(spec, build):
    with torch.device("meta"):
        theirs = build()
    values = randomise(theirs).state_dict().values()
    for norm in [module for module in theirs.modules() if isinstance(module, nn.BatchNorm2d)]:
        norm.weight.data *= 2  # else little of the image passes the stem
    ours = on_meta(spec)
    named = zip(ours.state_dict().items(), values, strict=True)
    state = {key: value.reshape(tensor.shape) for (key, tensor), value in named}
    ours.load_state_dict(state, assign=True)
    return ours.eval(), theirs


@pytest.mark.parametrize(
    ("spec", "build", "size"),
    [
        pytest.param(PLAIN, timm_plain, 97, marks=pytest.mark.slow),
        (WITH_SE, timm_with_se, 118),
        pytest.param(PLAIN, timm_plain, 299, marks=pytest.mark.slow),
        pytest.param(WITH_SE, timm_with_se, 299, marks=pytest.mark.slow),
    ],
)
def test_logits_are_timms(spec, build, size):
    ours, theirs = pair(spec, build)
    assert difference(ours, theirs, size) < 1e-12


def test_the_mean_pool_leaves_the_padding_out():
    ours, theirs = pair(PLAIN, timm_plain)
    ours.stage3.mixed_5b.branches["pool"][0].count_include_pad = True
    assert difference(ours, theirs, 97) > 1e-6


# 55.84 M in the released weights; the closed form of SE's two layers over 43 maps.
def test_parameters():
    plain, with_se = parameters(PLAIN), parameters(WITH_SE)
    assert plain == 55_843_464
    maps = [320] * 11 + [1088] * 21 + [2080] * 11
    assert with_se - plain == sum(2 * c * (c // 16) + c + c // 16 for c in maps)


def test_a_gate_on_each_residual_branch_and_each_module():
    model = on_meta(WITH_SE)
    residual = [m for m in model.modules() if isinstance(m, ResidualInception)]
    plain = [m for m in model.modules() if isinstance(m, Inception)]
    assert (len(residual), len(plain)) == (40, 3)
    assert all(isinstance(m.attention, SqueezeExcite) for m in residual + plain)
    assert isinstance(residual[-1].activation, nn.Identity)
    assert all(isinstance(m.activation, nn.ReLU) for m in residual[:-1])


@pytest.mark.parametrize("size", [75, 224, 299])
def test_features_are_as_the_stages_say(size):
    model = on_meta(PLAIN).eval()
    maps = model.features(torch.empty(1, 3, size, size + 3, device="meta"))
    assert [stage.name for stage in model.stages] == list(maps) == ["stage2", "stage3", "stage4", "stage5"]
    for stage in model.stages:
        assert maps[stage.name].shape[1] == stage.channels
        # Every unpadded window costs up to a pixel a side.
        assert all(0 <= size / stage.stride - edge < 5 for edge in maps[stage.name].shape[2:3])


@each((*SMALL_GATES, OWN))
def test_any_gate_classes_and_channels(spec):
    model = on_meta(replace(SHALLOW, attention=spec), 7, 1)
    assert model.eval()(torch.empty(2, 1, 97, 97, device="meta")).shape == (2, 7)


def test_there_is_no_convolution_slot():
    with pytest.raises(UsageError, match="SK") as error:
        replace(PLAIN, attention=SK()).build(1000, 3)
    assert "gate spec" in error.value.do


@pytest.mark.parametrize("attention", [None, SE()], ids=repr)
def test_training_moves_every_parameter(attention):
    model = replace(SHALLOW, attention=attention).build(4, 3)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    F.cross_entropy(model(torch.randn(4, 3, 75, 75)), torch.arange(4)).backward()
    optimizer.step()
    assert not [key for key, value in model.named_parameters() if torch.equal(value, before[key])]


@pytest.mark.slow
def test_one_graph():
    model, x = WITH_SE.build(10, 3).eval(), torch.randn(2, 3, 97, 97)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x))
