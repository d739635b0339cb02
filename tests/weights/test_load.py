# Weights of other libraries' own networks, loaded by name alone: the logits must be theirs. A wrong place, shape
# or geometry that fits without a trace would show here.

from functools import partial

import pytest
import torch
import torchvision
from sources import blank, built, ours_for, weights_of
from test_parity import difference, randomise, with_cbam
from twins import settle

from senet.attention import SE
from senet.networks import create
from senet.weights import load_weights


def pair(source, ours, reference, geometry=None, attention=None):
    return source, ours, reference, geometry, attention


slow = partial(pytest.param, marks=pytest.mark.slow)
FAST = {
    "resnet18": pair("torchvision", "resnet18", torchvision.models.resnet18, "torch"),
    "timm skresnext50_32x4d": pair("timm", "sknet50", "skresnext50_32x4d", "torch"),
    "legacy_seresnet50": pair("cadene", "se_resnet50", "legacy_seresnet50"),
    "timm seresnet18": pair("timm", "se_resnet18", "seresnet18", "torch", SE.timm()),
    "cbam_resnet18": pair("cbam", "cbam_resnet18", partial(with_cbam, torchvision.models.resnet18)),
}
SLOW = {
    "timm seresnet50": pair("timm", "se_resnet50", "seresnet50", "torch"),
    "cbam_resnet50": pair("cbam", "cbam_resnet50", partial(with_cbam, torchvision.models.resnet50)),
    "legacy_seresnext50_32x4d": pair("cadene", "se_resnext50_32x4d", "legacy_seresnext50_32x4d"),
    "timm resnet34": pair("torchvision", "resnet34", "resnet34", "torch"),
    "resnext50_32x4d": pair("torchvision", "resnext50_32x4d", torchvision.models.resnext50_32x4d, "torch"),
    **{f"resnet{n}": pair("torchvision", f"resnet{n}", f"resnet{n}", "torch") for n in (50, 101, 152)},
    **{f"legacy_seresnet{n}": pair("cadene", f"se_resnet{n}", f"legacy_seresnet{n}") for n in (101, 152)},
    "legacy_seresnext101_32x4d": pair("cadene", "se_resnext101_32x4d", "legacy_seresnext101_32x4d"),
    "legacy_senet154": pair("cadene", "senet154", "legacy_senet154"),
    "timm seresnext50_32x4d": pair("timm", "se_resnext50_32x4d", "seresnext50_32x4d", "torch"),
}


@pytest.mark.parametrize(
    ("source", "name", "reference", "geometry", "attention"),
    [*(pytest.param(*case, id=name) for name, case in FAST.items()), *(slow(*c, id=n) for n, c in SLOW.items())],
)
def test_logits_are_the_sources(source, name, reference, geometry, attention):
    theirs = built(reference)
    model = ours_for(name, geometry, attention)
    loaded = load_weights(model, weights_of(theirs))
    assert loaded.source == source
    assert len(loaded.placed) == len([key for key in model.state_dict() if "num_batches" not in key])
    assert difference(model.eval(), theirs, 65) < 1e-12


# Without shortcuts around every unit, only settled statistics let the image through to the logits.
OTHERS = ["shufflenet_v2_x0_5", "mobilenet_v3_small"]
OTHERS += [slow(n) for n in ("shufflenet_v2_x1_0", "mobilenet_v3_large", "vgg16_bn")]


@pytest.mark.parametrize("name", OTHERS)
def test_logits_of_torchvisions_other_families(name):
    theirs = settle(built(getattr(torchvision.models, name)))
    state = dict(sorted(theirs.state_dict().items()))  # as safetensors has them: names count, not their order
    model = ours_for(name)
    assert load_weights(model, state).source == "torchvision"
    assert difference(model.eval(), theirs, 65) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("head", ["classif", "last_linear"])
def test_logits_of_inception_resnet(head):
    theirs = built("inception_resnet_v2")
    state = {name.replace("classif.", f"{head}."): value for name, value in theirs.state_dict().items()}
    model = ours_for("inception_resnet_v2")
    assert load_weights(model, state).source == "cadene"
    assert difference(model.eval(), theirs, 97) < 1e-12


def cadenes_name(key):
    """Of a tensor of our BN-Inception, after pretrainedmodels/models/bninception.py."""
    parts = [part for part in key.split(".") if part not in ("stem", "branches") and not part.startswith("stage")]
    *layers, kind, leaf = parts
    if layers[:1] == ["head"] or kind == "fc":
        return f"last_linear.{leaf}"
    names = {
        "conv1": "conv1_7x7_s2",
        "reduce": "conv2_3x3_reduce",
        "conv": "conv2_3x3",
        "conv1x1": "1x1",
        "conv3x3.reduce": "3x3_reduce",
        "conv3x3.conv": "3x3",
        "double3x3.reduce": "double_3x3_reduce",
        "double3x3.conv1": "double_3x3_1",
        "double3x3.conv2": "double_3x3_2",
        "pool.project": "pool_proj",
    }
    module = [layers.pop(0)] if layers[0].startswith("inception") else []
    return "_".join([*module, names[".".join(layers)], *(["bn"] if kind == "bn" else [])]) + f".{leaf}"


def test_bn_inceptions_biases_fold_into_the_norms():
    with torch.device("meta"):
        theirs = randomise(create("bn_inception"))
    for module in [m for m in theirs.modules() if isinstance(m, torch.nn.Conv2d)]:
        module.bias = torch.nn.Parameter(torch.randn(module.out_channels, dtype=torch.float64))
    state = {cadenes_name(key): value for key, value in settle(theirs).state_dict().items()}
    assert {"inception_3c_double_3x3_2.bias", "conv2_3x3_reduce_bn.running_var", "last_linear.weight"} <= set(state)
    model = ours_for("bn_inception")
    loaded = load_weights(model, state)
    assert loaded.source == "cadene"
    assert loaded.metadata.input_transform["mean"] == (104.0, 117.0, 128.0)
    assert difference(model.eval(), theirs, 65) < 1e-12


def test_timm_may_be_named_for_names_that_it_shares():
    for name, geometry, reference in (("se_resnet50", None, "legacy_seresnet50"), ("resnet18", "torch", "resnet18")):
        assert load_weights(ours_for(name, geometry), blank(reference), source="timm").source == "timm"


def test_convolutions_of_the_gates_become_linear_and_the_report_says_so():
    model = ours_for("se_resnet50")
    loaded = load_weights(model, blank("legacy_seresnet50"))
    assert len(loaded.converted) == 32
    assert "stage2.0.attention.fc1.weight" in loaded.converted
    assert str(loaded) == "331 tensors of cadene loaded; 32 between 1x1 convolution and linear"
