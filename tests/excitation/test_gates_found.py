"""Every gate of our networks, torchvision's and timm's is found: counted by the classes of their modules."""

from collections import Counter

import pytest
import timm
import torch
import torchvision

from catalogue_of_blocks import OWN, SMALL, VARIANTS, each, each_of
from senet import SE, create, insert
from senet.excitation import Kind, record
from senet.insertion.places.place import STRATEGIES
from senet.networks import NETWORKS

OURS = {
    "SqueezeExcite": Kind.CHANNELS,
    "EfficientChannelAttention": Kind.CHANNELS,
    "ChannelGate": Kind.CHANNELS,
    "SpatialGate": Kind.POSITIONS,
    "SelectiveKernel": Kind.BRANCHES,
    "GlobalContext": Kind.CONTEXT,
    "GlobalContextScale": Kind.CHANNELS,
    "OwnGate": Kind.CHANNELS,
}


def gates(model, size):
    with torch.no_grad(), record(model.eval()) as recorded:
        model(torch.randn(2, 3, size, size))
    assert (recorded.silent, recorded.unread) == ((), 0)
    for gate in recorded.gates.values():
        assert gate.values.shape[0] == 2
        assert gate.values.ndim == (2 if gate.kind in (Kind.CHANNELS, Kind.CONTEXT) else 3)
    return {name: gate.kind for name, gate in recorded.gates.items()}


def named(model, kinds):
    """Return by name the modules of some classes."""
    found = ((name, kinds.get(type(module).__name__)) for name, module in model.named_modules())
    return {name: kind for name, kind in found if kind is not None}


def size_of(name):
    small = NETWORKS[name].stem if hasattr(NETWORKS[name], "stem") else ""
    return 32 if small == "cifar" else 96 if "inception" in name else 64


ATTENDED = [name for name, spec in NETWORKS.items() if spec.attention]
FAST = {"se_resnet8", "se_resnet18", "sknet26", "cbam_resnet18", "mobilenet_v3_small"}
EACH = [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in ATTENDED]


@pytest.mark.parametrize("name", EACH)
def test_every_block_of_every_network_of_ours(name):
    model = create(name)
    blocks = named(model, OURS)
    assert len(blocks) > 2
    assert gates(model, size_of(name)) == blocks


@each_of((*VARIANTS, OWN), (*SMALL, OWN))
def test_every_block_in_a_networks_own_slot(spec):
    model = create("resnet8", attention=spec)
    assert gates(model, 16) == named(model, OURS)
    assert named(model, OURS) or "SummedKernels" in {type(m).__name__ for m in model.modules()}


@each((*SMALL, OWN))
def test_every_block_at_every_placement(spec):
    wheres = ["conv3x3"] if spec.slot == "convolution" else STRATEGIES
    for where in wheres:
        model = insert(create("resnet8"), spec, where=where, example=(2, 3, 16, 16), init="paper")
        blocks = named(model, OURS)
        assert len(blocks) >= 3
        found = gates(model, 16)
        assert found == blocks, where


def test_blocks_beside_a_networks_own():
    model = insert(torchvision.models.mobilenet_v3_small(), SE(), where="post", again=True)
    assert gates(model, 64) == named(model, {**OURS, "SqueezeExcitation": Kind.CHANNELS})
    assert Counter(type(m).__name__ for m in model.modules())["SqueezeExcite"] > 5


C, P, B, X = Kind.CHANNELS, Kind.POSITIONS, Kind.BRANCHES, Kind.CONTEXT
TORCHVISION = {
    "mobilenet_v3_small": ("SqueezeExcitation", 9, False),
    "mobilenet_v3_large": ("SqueezeExcitation", 8, True),
    "efficientnet_b0": ("SqueezeExcitation", 16, True),
    "efficientnet_v2_s": ("SqueezeExcitation", 30, True),
    "regnet_y_400mf": ("SqueezeExcitation", 16, True),
}


def tiered(rows):
    return [pytest.param(k, *row[:-1], id=k, marks=[pytest.mark.slow] if row[-1] else []) for k, row in rows.items()]


@pytest.mark.parametrize(("name", "kind", "count"), tiered(TORCHVISION))
def test_torchvision(name, kind, count):
    model = torchvision.models.get_model(name)
    found = gates(model, 64)
    assert len(found) == count
    assert found == named(model, {kind: C})


TIMM = {
    "seresnet50": ({"SEModule": C}, 16, True),
    "legacy_seresnet18": ({"SEModule": C}, 8, True),
    "seresnextaa101d_32x8d": ({"SEModule": C}, 33, True),
    "skresnet18": ({"SelectiveKernelAttn": B}, 8, False),
    "skresnext50_32x4d": ({"SelectiveKernelAttn": B}, 16, True),
    "resnest14d": ({"SplitAttn": B}, 4, True),
    "mobilenetv3_small_050": ({"SqueezeExcite": C}, 9, False),
    "efficientnet_b0": ({"SqueezeExcite": C}, 16, True),
    "tf_efficientnetv2_b0": ({"SqueezeExcite": C}, 16, True),
    "rexnet_100": ({"SEModule": C}, 13, True),
    "regnety_002": ({"SEModule": C}, 13, True),
    "ecaresnet26t": ({"EcaModule": C}, 8, True),
    "eca_nfnet_l0": ({"EcaModule": C}, 12, True),
    "gcresnet50t": ({"GlobalContext": X}, 16, True),
    "ese_vovnet19b_dw": ({"EffectiveSEModule": C}, 4, True),
    "convnextv2_atto": ({"GlobalResponseNorm": C}, 12, True),
    "convnextv2_nano": ({"GlobalResponseNorm": C}, 14, True),
}


@pytest.mark.parametrize(("name", "kinds", "count"), tiered(TIMM))
def test_timm(name, kinds, count):
    model = timm.create_model(name)
    found = gates(model, 64)
    assert len(found) == count
    assert found == named(model, kinds)


def test_timm_with_channels_in_the_last_axis():
    model = timm.models.ConvNeXt(depths=(1, 1, 1, 1), dims=(8, 16, 32, 64), use_grn=True, ls_init_value=None)
    assert gates(model, 64) == named(model, {"GlobalResponseNorm": C})
    assert model.stages[0].blocks[0].mlp.grn.channel_dim == -1


LAYERS = {
    "se": {"SEModule": C},
    "ese": {"EffectiveSEModule": C},
    "eca": {"EcaModule": C},
    "ceca": {"CecaModule": C},
    "cbam": {"ChannelAttn": C, "SpatialAttn": P},
    "lcbam": {"LightChannelAttn": C, "LightSpatialAttn": P},
    "gc": {"GlobalContext": C},
    "gca": {"GlobalContext": X},
    "sk": {"SelectiveKernelAttn": B},
    "splat": {"SplitAttn": B},
}


@pytest.mark.parametrize("layer", LAYERS)
def test_attention_layers_of_timm(layer):
    unit = timm.models.resnet.BasicBlock
    model = timm.models.ResNet(unit, [1, 1, 1, 1], channels=(8, 16, 32, 64), block_args={"attn_layer": layer})
    blocks = named(model, LAYERS[layer])
    assert len(blocks) == 4 * len(LAYERS[layer])
    assert gates(model, 64) == blocks


WITHOUT = {
    "resnet18": (lambda: torchvision.models.resnet18(), 64, False),
    "vgg11": (lambda: torchvision.models.vgg11(), 32, True),
    "densenet121": (lambda: torchvision.models.densenet121(), 64, True),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(), 64, True),
    "shufflenet": (lambda: torchvision.models.shufflenet_v2_x0_5(), 64, False),
    "googlenet": (lambda: torchvision.models.googlenet(init_weights=False), 64, True),
    "convnext_tiny": (lambda: torchvision.models.convnext_tiny(), 64, True),
    "vit_b_16": (lambda: torchvision.models.vit_b_16(), 224, True),
    "swin_t": (lambda: torchvision.models.swin_t(), 64, True),
    "convnext_atto": (lambda: timm.create_model("convnext_atto"), 64, False),
    "vit_tiny": (lambda: timm.create_model("vit_tiny_patch16_224", depth=2), 224, False),
    "hrnet": (lambda: timm.create_model("hrnet_w18_small"), 64, True),
    "mobilenetv4": (lambda: timm.create_model("mobilenetv4_conv_small"), 64, True),
    "our resnet8": (lambda: create("resnet8"), 32, False),
}


@pytest.mark.parametrize(("name", "make", "size"), tiered(WITHOUT))
def test_networks_without_gates_have_none(name, make, size):
    assert gates(make(), size) == {}, name
