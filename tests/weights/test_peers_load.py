# Every source network, by its own code and names, loads and gives the same logits.
import warnings

import pytest
import timm
import torch
import torchvision

from senet.networks import create
from senet.weights import load_weights

TORCHVISION = {
    name: (name, "torch")
    for name in ("resnet18", "resnet50", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d")
} | {name: (name, "torch") for name in ("wide_resnet50_2", "wide_resnet101_2")}
TIMM = {
    **{f"se{name}": (f"se_{name}", "torch") for name in ("resnet50", "resnet101", "resnet152")},
    **{f"se{name}": (f"se_{name}", "torch") for name in ("resnext50_32x4d", "resnext101_32x4d")},
    "legacy_seresnet50": ("se_resnet50", "caffe"),
    "legacy_seresnext26_32x4d": ("se_resnext26_32x4d", "caffe"),
    "legacy_senet154": ("senet154", "caffe"),
    "skresnext50_32x4d": ("sknet50", "torch"),
    "wide_resnet50_2": ("wide_resnet50_2", "torch"),
}
CADENE = {
    "se_resnet50": ("se_resnet50", "caffe"),
    "se_resnet101": ("se_resnet101", "caffe"),
    "se_resnet152": ("se_resnet152", "caffe"),
    "se_resnext50_32x4d": ("se_resnext50_32x4d", "caffe"),
    "se_resnext101_32x4d": ("se_resnext101_32x4d", "caffe"),
    "senet154": ("senet154", "caffe"),
    "bninception": ("bn_inception", None),
    "inceptionresnetv2": ("inception_resnet_v2", None),
}


def cadene(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a package of 2019
        import pretrainedmodels

    classes = 1001 if name == "inceptionresnetv2" else 1000
    return getattr(pretrainedmodels, name)(num_classes=classes, pretrained=None), classes


def shaken(model):
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.double().eval().state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.uniform_(0.2, 0.8, generator=generator)
    return model


@torch.no_grad()
def check(theirs, name, geometry, source, size, classes=1000, given=None):
    ours = create(name, geometry=geometry, num_classes=classes).double().eval()
    # Given where timm's and torchvision's names are the same.
    loaded = load_weights(ours, shaken(theirs).state_dict(), source=given)
    assert loaded.source == source
    x = torch.randn(1, 3, size, size, dtype=torch.float64)
    expected = theirs(x)
    assert (ours(x) - expected).abs().max() <= 1e-10 * expected.abs().max()


def cases(table):
    quick = ("resnet18", "legacy_seresnext26_32x4d", "seresnet50", "skresnext50_32x4d", "se_resnext50_32x4d")
    return [
        pytest.param(name, *ours, id=name, marks=[] if name in quick else [pytest.mark.slow])
        for name, ours in table.items()
    ]


@pytest.mark.parametrize(("name", "ours", "geometry"), cases(TORCHVISION))
def test_torchvision(name, ours, geometry):
    check(getattr(torchvision.models, name)(), ours, geometry, "torchvision", 65)


@pytest.mark.parametrize(("name", "ours", "geometry"), cases(TIMM))
def test_timm(name, ours, geometry):
    check(timm.create_model(name), ours, geometry, "timm", 65, given="timm")


@pytest.mark.parametrize(("name", "ours", "geometry"), cases(CADENE))
def test_cadene(name, ours, geometry):
    theirs, classes = cadene(name)
    # Its networks end in a fixed 7x7 pool (8x8 for Inception-ResNet-v2): only one size runs.
    check(theirs, ours, geometry, "cadene", 299 if name == "inceptionresnetv2" else 224, classes)
